import { describe, expect, it } from 'vitest'
import { changedLabels, encode, readLabels, STACK_LABEL, writeLabels } from '../../src/pages/data/data'

describe('labels', () => {
  it('are read and written a line each', () => {
    expect(readLabels(' tier = front \n\nempty=\nwith=a=b')).toEqual({ tier: 'front', empty: '', with: 'a=b' })
    expect(readLabels('no sign')).toBe(null)
    expect(readLabels('=x')).toBe(null)
    expect(writeLabels({ b: '2', [STACK_LABEL]: 'shop' })).toBe('b=2')
  })

  it('are changed one by one, and the stack is left alone', () => {
    const before = { kept: '1', gone: '2', [STACK_LABEL]: 'shop' }

    expect(changedLabels(before, { kept: '1', new: '3' })).toEqual({ gone: null, new: '3' })
    expect(changedLabels(before, { kept: '1', gone: '2' })).toEqual({})
  })
})

it('bytes are sent as they are, however many', () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, index) => index % 256)

  expect(encode(bytes)).toBe(Buffer.from(bytes).toString('base64'))
  expect(encode(new Uint8Array())).toBe('')
})
