/** What a page that is a module is given: the panel's own parts, and the ways to the server. */
import { ElButton } from 'element-plus'
import type { ComputedRef, Ref } from 'vue'
import { askUrl } from '../../api/client'
import { may } from '../../caller'
import { shownTheme } from '../../frame/theme'
import { useTopic, type Topic } from '../../live'
import { startChange, type Change } from '../../parts/change'
import ChoiceFilter from '../../parts/ChoiceFilter.vue'
import CopyButton from '../../parts/CopyButton.vue'
import DataTable from '../../parts/table/DataTable.vue'
import EmptyState from '../../parts/EmptyState.vue'
import FactList from '../../parts/FactList.vue'
import Moment from '../../parts/Moment.vue'
import PageHead from '../../parts/PageHead.vue'
import ProblemBox from '../../parts/ProblemBox.vue'
import { useQueryValue } from '../../parts/query'
import RawData from '../../parts/RawData.vue'
import StateMark from '../../parts/StateMark.vue'
import TabBar from '../../parts/TabBar.vue'
import { ago, bytes, clock, language, number, words, type Language } from '../../words'
import type { Page } from './page'

const parts = Object.freeze({
  Button: ElButton,
  ChoiceFilter,
  CopyButton,
  DataTable,
  EmptyState,
  FactList,
  Moment,
  PageHead,
  ProblemBox,
  RawData,
  StateMark,
  TabBar,
})

/**
 * The one argument of the default export of a page's module.
 *
 * What is here stays while `apiVersion` does; docs/how-to/add-a-page.md tells of each member.
 */
export interface PanelContext {
  readonly apiVersion: 1
  /** The page as `GET /api/v1/pages` tells of it. */
  readonly page: Page
  /** Ask an address of this server; `json` becomes the body. Throws a problem, which `parts.ProblemBox` shows. */
  ask<Data>(url: string, options?: RequestInit & { json?: unknown }): Promise<Data>
  /** Follow a topic of the live socket for as long as the component lives; for `setup`. */
  useTopic<Item>(topic: string | Ref<string | null> | (() => string | null)): Topic<Item>
  /** Keep a value in the query of the address; for `setup`. */
  useQueryValue: typeof useQueryValue
  /** The language that is chosen, and a way to say things in each. */
  readonly language: Readonly<Ref<Language>>
  words: typeof words
  /** Numbers, bytes and moments as that language writes them. */
  readonly format: { number: typeof number; bytes: typeof bytes; clock: typeof clock; ago: typeof ago }
  /** What is shown: light or dark. */
  readonly theme: ComputedRef<'light' | 'dark'>
  /** Tell whether the caller may do something in general, as in `service:update`. */
  may(action: string): boolean
  /** Open the dialog in which a change is planned, looked at, applied and followed to its verdict. */
  startChange(change: Change): void
  readonly parts: typeof parts
}

/** Make the context of a page. */
export function makeContext(page: Page): PanelContext {
  return Object.freeze({
    apiVersion: 1 as const,
    page,
    ask: askUrl,
    useTopic,
    useQueryValue,
    language,
    words,
    format: Object.freeze({ number, bytes, clock, ago }),
    theme: shownTheme,
    may,
    startChange,
    parts,
  })
}
