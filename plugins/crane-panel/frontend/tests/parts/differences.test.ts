import { describe, expect, it } from 'vitest'
import { duration, memory, parseDuration, parseMemory, say, sayAt } from '../../src/parts/differences'

describe('values', () => {
  it('are texts as they are, and JSON otherwise', () => {
    expect(say('nginx:1.27')).toBe('nginx:1.27')
    expect(say('')).toBe('""')
    expect(say(3)).toBe('3')
    expect(say(false)).toBe('false')
    expect(say(null)).toBe('null')
    expect(say(undefined)).toBe('null')
    expect(say(['a'])).toBe('[\n "a"\n]')
  })

  it('have their units where the spec counts in small ones', () => {
    expect(sayAt('/UpdateConfig/Delay', 10e9)).toBe('10s')
    expect(sayAt('/TaskTemplate/ContainerSpec/Healthcheck/Interval', 90e9)).toBe('1m30s')
    expect(sayAt('/TaskTemplate/Resources/Limits/MemoryBytes', 512 * 1024 ** 2)).toBe('512M')
    expect(sayAt('/TaskTemplate/Resources/Limits/NanoCPUs', 1.5e9)).toBe('1.5 CPU')
    expect(sayAt('/Mode/Replicated/Replicas', 3)).toBe('3')
    expect(sayAt('/UpdateConfig/Delay', null)).toBe('null')
  })
})

describe('durations', () => {
  it('are written as docker does', () => {
    expect([0, 1, 1e3, 5e8, 1e9, 90e9, 3600e9, 3661e9].map(duration)).toEqual([
      '0s',
      '1ns',
      '1us',
      '500ms',
      '1s',
      '1m30s',
      '1h',
      '1h1m1s',
    ])
  })

  it('come back as they were', () => {
    let seed = 7
    for (let turn = 0; turn < 500; turn += 1) {
      seed = (seed * 48271) % 2147483647
      const nanoseconds = seed * 10 ** (turn % 6)
      expect(parseDuration(duration(nanoseconds)), `${nanoseconds}`).toBe(nanoseconds)
    }
    expect(parseDuration(duration(0))).toBe(0)
  })

  it('are read as people write them', () => {
    expect(parseDuration('1.5s')).toBe(1.5e9)
    expect(parseDuration(' 1h30m ')).toBe(5400e9)
    expect(parseDuration('0')).toBe(0)
  })

  it.each(['', 's', '10', '10 s', '1s x', '-1s', '1d', '1,5s'])('are none when they are %j', (text) => {
    expect(parseDuration(text)).toBeNull()
  })
})

describe('memory', () => {
  it('is written as docker does', () => {
    expect([0, 100, 1024, 1536, 1024 ** 2, 512 * 1024 ** 2, 1.5 * 1024 ** 3, 1025].map(memory)).toEqual([
      '0B',
      '100B',
      '1K',
      '1.5K',
      '1M',
      '512M',
      '1.5G',
      '1025B',
    ])
  })

  it('comes back as it was', () => {
    let seed = 11
    for (let turn = 0; turn < 500; turn += 1) {
      seed = (seed * 48271) % 2147483647
      const amount = (seed % 4096) * 1024 ** (turn % 4) + (turn % 3 === 0 ? seed % 7 : 0)
      expect(parseMemory(memory(amount)), `${amount}`).toBe(amount)
    }
  })

  it('is read as people write it', () => {
    expect(parseMemory('512M')).toBe(512 * 1024 ** 2)
    expect(parseMemory('1.5g')).toBe(1.5 * 1024 ** 3)
    expect(parseMemory('100kb')).toBe(102400)
    expect(parseMemory('2 GiB')).toBe(2 * 1024 ** 3)
    expect(parseMemory('1t')).toBe(1024 ** 4)
    expect(parseMemory('4096')).toBe(4096)
  })

  it.each(['', 'M', '12X', '-1M', '1,5G', '1 2', '1e3'])('is none when it is %j', (text) => {
    expect(parseMemory(text)).toBeNull()
  })
})
