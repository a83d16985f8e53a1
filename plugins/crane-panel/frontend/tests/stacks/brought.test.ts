import { nextTick, shallowRef } from 'vue'
import { expect, test } from 'vitest'
import type { FileNeeds } from '../../src/api/types'
import { useBrought } from '../../src/pages/stacks/brought'
import { useWritten } from '../../src/pages/stacks/written'

const STACK = 'services: {web: {image: "web:${TAG}", env_file: ./web.env}}\n'
const NEEDS = { variables: [], paths: [{ path: './secrets/key', kind: 'secret', optional: false }] } as unknown as FileNeeds

const file = (name: string, content: BlobPart): File => new File([content], name)

test('a stack file takes the place of the empty one, and names the stack', async () => {
  const written = useWritten('')
  const { bring, told } = useBrought(written, shallowRef(null))

  await bring([file('shop.yml', STACK), file('override.yml', 'services: {}\n')])

  expect(written.files.value.map((each) => each.name)).toEqual(['shop.yml', 'override.yml'])
  expect(written.current.value.name).toBe('override.yml')
  expect(written.name.value).toBe('shop')
  expect(told.value).toEqual([])
})

test('one of the same name is replaced, and its place is kept', async () => {
  const written = useWritten('shop')
  const { bring } = useBrought(written, shallowRef(null))
  await bring([file('a.yml', STACK), file('b.yml', STACK)])

  await bring([file('a.yml', 'services: {}\n')])

  expect(written.files.value.map((each) => each.content)).toEqual(['services: {}\n', STACK])
  expect(written.name.value).toBe('shop')
})

test('only variables that the files name are sent', async () => {
  const written = useWritten('shop')
  const { bring, told } = useBrought(written, shallowRef(null))

  await bring([file('shop.yml', STACK), file('.env', 'TAG=2\nOTHER=secret\nnonsense\n')])

  expect(written.values.value).toEqual({ TAG: '2', OTHER: 'secret' })
  expect(written.sent.value!.variables).toEqual({ TAG: '2' })
  expect(told.value).toHaveLength(2)
})

test('a file that is referred to is attached, and stays in the list once the server does not miss it any more', async () => {
  const written = useWritten('shop')
  const needs = shallowRef<FileNeeds | null>(null)
  const { bring, detach, paths, told } = useBrought(written, needs)
  needs.value = NEEDS
  await nextTick()

  await bring([file('shop.yml', STACK), file('key', '0123'), file('picture.png', '')])
  needs.value = { ...NEEDS, paths: [] }
  await nextTick()

  expect(written.sent.value!.attachments).toEqual({ './secrets/key': { content: '0123', encoding: 'text' } })
  expect(paths.value).toEqual([{ path: './secrets/key', kind: 'secret', optional: false, size: 4 }])
  expect(told.value).toHaveLength(1)
  detach('./secrets/key')
  expect(written.sent.value!.attachments).toEqual({})
})
