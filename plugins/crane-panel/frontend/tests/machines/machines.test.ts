/** What the pages of containers, images and volumes make of what they are told. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ImagePull, NodeImage } from '../../src/api/types'
import { deedsFor, pathOf, sayPorts, titleOf } from '../../src/pages/containers/container'
import { pathOf as pathOfImage, pull, shortId, together } from '../../src/pages/images/image'
import { pathOf as pathOfVolume, readPairs } from '../../src/pages/volumes/volume'

describe('containers', () => {
  it('are called by their task, and found by their id', () => {
    expect([titleOf({ task: 'shop_web.1', name: 'shop_web.1.x' }), titleOf({ task: null, name: 'by-hand' })]).toEqual(['shop_web.1', 'by-hand'])
    expect(pathOf({ id: 'ab12' })).toBe('/containers/ab12')
  })

  it('tell each port once, whatever addresses it is published on', () => {
    const published = { PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }

    expect(sayPorts([{ IP: '0.0.0.0', ...published }, { IP: '::', ...published }, { PrivatePort: 53, Type: 'udp' }])).toBe('8080→80/tcp, 53/udp')
    expect(sayPorts(undefined)).toBe('')
  })

  it('offer what makes sense in their state', () => {
    expect([deedsFor('running'), deedsFor('paused'), deedsFor('exited'), deedsFor('removing')]).toEqual([
      ['stop', 'restart', 'pause', 'kill'],
      ['unpause', 'kill'],
      ['start'],
      [],
    ])
  })
})

describe('images', () => {
  const image: NodeImage = {
    Id: 'sha256:aa11',
    id: 'sha256:aa11',
    name: 'nginx:1',
    node: 'node2',
    tags: ['nginx:1'],
    digests: [],
    size: 1,
    created_at: null,
    containers: 0,
    services: 0,
    in_use: false,
    dangling: false,
  }

  it('are one thing, whichever nodes have them and whatever they are called there', () => {
    const [one, ...others] = together([image, { ...image, node: 'node1', tags: ['edge:1'], name: 'edge:1', in_use: true }])

    expect(others).toEqual([])
    expect(one).toMatchObject({ nodes: ['node1', 'node2'], tags: ['edge:1', 'nginx:1'], name: 'edge:1', in_use: true })
    // What was told stays as it was.
    expect(image.tags).toEqual(['nginx:1'])
  })

  it('have short ids', () => {
    expect([shortId(`sha256:${'ab'.repeat(32)}`), pathOfImage({ id: 'sha256:aa11' })]).toEqual(['abababababab', '/images/aa11'])
  })

  describe('that are pulled', () => {
    afterEach(() => vi.unstubAllGlobals())

    function answer(pieces: string[], status = 200): void {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece))
          controller.close()
        },
      })
      vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status })))
    }

    it('tell each line as it comes, also where it comes in pieces', async () => {
      answer(['{"node":"node1","state":"pul', 'ling"}\n\n{"node":"node1","state":"pulled"}\n', '{"node":null,"state":"done"}'])
      const told: ImagePull[] = []

      await pull('nginx:1', [], (news) => told.push(news), new AbortController().signal)

      expect(told.map((each) => each.state)).toEqual(['pulling', 'pulled', 'done'])
    })

    it('say why they are not', async () => {
      answer(['{"code":"invalid-image","title":"This is not the name of an image.","detail":"?? is none.","status":422}'], 422)

      await expect(pull('??', [], () => undefined, new AbortController().signal)).rejects.toMatchObject({ code: 'invalid-image' })
    })
  })
})

describe('volumes', () => {
  it('are found on their node', () => {
    expect(pathOfVolume({ node: 'node 1', name: 'data' })).toBe('/volumes/node%201/data')
  })

  it('take options and labels a line at a time', () => {
    expect(readPairs(' type = nfs\n\no=addr=nas,rw\nempty')).toEqual({ type: 'nfs', o: 'addr=nas,rw', empty: '' })
  })
})
