import { beforeEach, expect, test } from 'vitest'
import { forgetDraft, keepDraft, readDraft, type Draft } from '../../src/pages/stacks/draft'

const DRAFT: Draft = {
  name: 'shop',
  files: [{ name: 'stack.yml', content: 'services: {}\n' }],
  prune: true,
  resolveImage: 'changed',
  profiles: ['debug'],
}

beforeEach(() => sessionStorage.clear())

test('a draft comes back, each for its own stack', () => {
  keepDraft(null, DRAFT)
  expect(readDraft(null)).toEqual(DRAFT)
  expect(readDraft('shop')).toBeNull()
  forgetDraft(null)
  expect(readDraft(null)).toBeNull()
})

test('nothing else than the draft is kept, whatever is handed over', () => {
  const more = { ...DRAFT, files: [{ ...DRAFT.files[0]!, id: '1' }], values: { TOKEN: 's3cret' }, logins: ['s3cret'] }
  keepDraft('shop', more)
  expect(JSON.stringify({ ...sessionStorage })).not.toContain('s3cret')
  expect(readDraft('shop')).toEqual(DRAFT)
})

test.each(['{', 'null', '{}', '{"name":"a","files":[],"prune":false,"resolveImage":"always","profiles":[]}'])(
  'what cannot be read is no draft: %s',
  (text) => {
    sessionStorage.setItem('crane.draft.', text)
    expect(readDraft(null)).toBeNull()
  },
)
