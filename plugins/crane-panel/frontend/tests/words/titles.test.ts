/** What comes with the first page says the titles of the others, and nothing else that they say. */
import { describe, expect, it } from 'vitest'

const sources = import.meta.glob<string>('../../src/**/*.{ts,vue}', { query: '?raw', import: 'default', eager: true })
const SRC = '../../src/'
// The first page itself, and whatever the frame around it needs.
const OWN = ['dashboard/', 'titles.ts', 'nodes/faults.ts']

/** Return what a module imports of ours when it is loaded; what is loaded on demand is left out. */
function importedBy(path: string): string[] {
  const found = [...sources[path]!.matchAll(/^(?:import|export) (?!type )[^';=]*'(\.[^'\n]*)'/gm)]
  return found.flatMap(([, name]) => {
    const plain = new URL(name!, `file:///${path.slice(SRC.length)}`).pathname.slice(1)
    return [plain, `${plain}.ts`, `${plain}/index.ts`].map((each) => SRC + each).filter((each) => each in sources)
  })
}

const loaded = [`${SRC}main.ts`]
for (const path of loaded) loaded.push(...importedBy(path).filter((each) => !loaded.includes(each)))

describe('the first page', () => {
  it('is read as it is loaded by this test', () => {
    expect(loaded).toContain(`${SRC}pages/nodes/index.ts`)
    expect(loaded).toContain(`${SRC}pages/dashboard/DashboardPage.vue`)
    expect(loaded).not.toContain(`${SRC}pages/nodes/NodeDetail.vue`)
  })

  it('loads the words of no other page', () => {
    const speaking = loaded.filter((path) => path.startsWith(`${SRC}pages/`) && /(?<![.\w])words\(/.test(sources[path]!))
    const foreign = speaking.map((path) => path.slice(`${SRC}pages/`.length)).filter((path) => !OWN.some((own) => path.startsWith(own)))

    expect(foreign).toEqual([])
  })
})
