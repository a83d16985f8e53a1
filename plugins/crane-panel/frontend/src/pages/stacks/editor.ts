/**
 * The editor of stack files: CodeMirror inside a shadow root.
 *
 * Our Content-Security-Policy lets no style stand in the page. Inside a shadow root CodeMirror adopts style sheets
 * instead, which the policy allows; colours come in from the tokens, because variables pierce shadow roots. Tab is left
 * to the browser, so that the keyboard gets out of the editor again.
 */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  startCompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, HighlightStyle, indentOnInput, indentService, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
  type Tooltip,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { indentAfter, pathOfLine, placeAt, schemaAt, suggest, type Schema, type Suggestion } from './outline'

/** What is wrong in a file, or worth knowing about it. */
export interface Mark {
  line: number
  message: string
  severity: 'error' | 'warning'
}

export interface EditorWords {
  /** What the text is, for who hears it read. */
  label: string
  /** How to leave it by keyboard. */
  hint: string
  /** What CodeMirror says, by what it says in English. */
  phrases: Record<string, string>
}

export interface EditorOptions {
  words: EditorWords
  schema: () => Schema | null
  onChange: (id: string, text: string) => void
}

export class StackEditor {
  readonly #view: EditorView
  readonly #states = new Map<string, EditorState>()
  readonly #words = new Compartment()
  readonly #extensions: Extension
  #spoken: EditorWords
  #open = ''

  constructor(place: HTMLElement, options: EditorOptions) {
    this.#spoken = options.words
    const root = place.attachShadow({ mode: 'open' })
    const told = EditorView.updateListener.of((update) => {
      if (update.docChanged) options.onChange(this.#open, update.state.doc.toString())
    })
    this.#extensions = [BASE, intelligence(options.schema), told]
    this.#view = new EditorView({ root, parent: root, state: this.#make('') })
  }

  /** Show a file; what it was when it was last shown can be undone to, unless its text has been replaced since. */
  show(id: string, text: string): void {
    if (this.#open !== '' && this.#open !== id) this.#states.set(this.#open, this.#view.state)
    const kept = this.#open === id ? this.#view.state : this.#states.get(id)
    if (this.#open === id && kept?.doc.toString() === text) return
    this.#open = id
    this.#view.setState(kept?.doc.toString() === text ? kept : this.#make(text))
    // A file that was away may speak another language still.
    this.say(this.#spoken)
  }

  /** Forget a file. */
  forget(id: string): void {
    this.#states.delete(id)
    if (this.#open === id) this.#open = ''
  }

  /** Mark lines of the file that is shown. */
  mark(marks: readonly Mark[]): void {
    const { doc } = this.#view.state
    const diagnostics: Diagnostic[] = marks.map((mark) => {
      const line = doc.line(Math.min(Math.max(mark.line, 1), doc.lines))
      const indent = /^\s*/.exec(line.text)![0].length
      return { from: line.from + indent, to: line.to, severity: mark.severity, message: mark.message }
    })
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics))
  }

  /** Put the cursor into a line. */
  goTo(number: number): void {
    const { doc } = this.#view.state
    const line = doc.line(Math.min(Math.max(number, 1), doc.lines))
    const at = line.from + /^\s*/.exec(line.text)![0].length
    this.#view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) })
    this.#view.focus()
  }

  focus(): void {
    this.#view.focus()
  }

  /** Speak another language. */
  say(words: EditorWords): void {
    this.#spoken = words
    this.#view.dispatch({ effects: this.#words.reconfigure(spoken(words)) })
  }

  destroy(): void {
    this.#view.destroy()
  }

  #make(doc: string): EditorState {
    return EditorState.create({ doc, extensions: [this.#words.of(spoken(this.#spoken)), this.#extensions] })
  }
}

function spoken({ label, hint, phrases }: EditorWords): Extension {
  // It can be focused without it, but not everybody who asks knows that.
  const attributes = { 'aria-label': label, 'aria-description': hint, tabindex: '0' }
  return [EditorView.contentAttributes.of(attributes), EditorState.phrases.of(phrases)]
}

/** What the schema gives: completion, and what a key means. */
function intelligence(schema: () => Schema | null): Extension {
  const complete = (context: CompletionContext): CompletionResult | null => {
    const known = schema()
    const text = context.state.doc.toString()
    const place = known && placeAt(text, context.pos)
    if (!known || !place || (place.typed === '' && !context.explicit)) return null
    const options = suggest(known, place, text).map(toCompletion)
    return { from: context.pos - place.typed.length, options, validFor: /^[\w.-]*$/ }
  }
  const explain = (view: EditorView, position: number): Tooltip | null => {
    const known = schema()
    const line = view.state.doc.lineAt(position)
    const path = known && pathOfLine(view.state.doc.toString(), line.number - 1)
    const key = path?.at(-1)
    const start = key === undefined ? -1 : line.text.indexOf(key)
    const description = known && path && schemaAt(known, path)?.description
    if (!description || start < 0 || position < line.from + start || position > line.from + start + key!.length) return null
    return { pos: line.from + start, above: true, create: () => ({ dom: explanation(description) }) }
  }
  return [autocompletion({ override: [complete], icons: false }), hoverTooltip(explain)]
}

function toCompletion(each: Suggestion): Completion {
  return {
    label: each.label,
    ...(each.description === '' ? {} : { info: () => explanation(each.description) }),
    boost: each.ignored ? -50 : 0,
    apply: (view, _completion, from, to) => {
      view.dispatch({ changes: { from, to, insert: each.insert }, selection: { anchor: from + each.insert.length } })
      // What comes below it is asked for at once.
      if (each.insert.includes('\n')) startCompletion(view)
    },
  }
}

function explanation(text: string): HTMLElement {
  const element = document.createElement('div')
  element.className = 'explanation'
  // The descriptions mark names as Markdown does.
  for (const [index, part] of text.split('`').entries()) {
    const piece = document.createElement(index % 2 ? 'code' : 'span')
    piece.textContent = part
    element.append(piece)
  }
  return element
}

/** A new line is indented by the one before; lines that stand already are left as they are, because there it means something. */
const INDENTATION = indentService.of((context, position) =>
  context.simulatedBreak === null ? context.lineIndent(position) : indentAfter(context.lineAt(position, -1).text),
)

const COLOURS = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--ok)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--warn)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--text-3)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.labelName, tags.typeName, tags.meta], color: 'var(--bad)' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: 'var(--text-2)' },
])

const CONTROL = {
  height: '28px',
  margin: '0 4px 4px 0',
  border: '1px solid var(--border-strong)',
  borderRadius: 'var(--radius-small)',
  background: 'var(--surface)',
  color: 'var(--text)',
  font: 'var(--text-small) var(--font)',
}

const LOOKS = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: 'var(--text-row)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '20px', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)', padding: 'var(--space-2) 0' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-3)', borderRight: '1px solid var(--border)' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--surface-2) 60%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--surface-2)', color: 'var(--text)' },
  '& > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { background: 'var(--surface-2)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--accent) 30%, transparent)',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)' },
  '.cm-selectionMatch, .cm-searchMatch': { backgroundColor: 'var(--warn-soft)' },
  '.cm-searchMatch-selected': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-tooltip': {
    border: '1px solid var(--border)',
    borderRadius: 'var(--radius)',
    backgroundColor: 'var(--surface)',
    color: 'var(--text)',
    boxShadow: 'var(--shadow)',
    zIndex: '30',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--font-mono)', maxHeight: '260px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px', lineHeight: '20px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent-soft)',
    color: 'var(--text)',
  },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-tooltip.cm-completionInfo': { maxWidth: '340px', padding: '8px 10px' },
  '.explanation': { maxWidth: '46ch', padding: '2px 4px', font: 'var(--text-small) / 1.45 var(--font)' },
  '.cm-completionInfo .explanation': { padding: '0' },
  '.explanation code': { fontFamily: 'var(--font-mono)' },
  '.cm-diagnostic': { padding: '6px 10px', font: 'var(--text-small) / 1.45 var(--font)', maxWidth: '60ch' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--warn)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad) 1px',
    textUnderlineOffset: '3px',
  },
  '.cm-lintRange-warning': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--warn) 1px',
    textUnderlineOffset: '3px',
  },
  // Images that CodeMirror brings along are data: the policy allows them, but their colours are not ours.
  '.cm-lint-marker-error, .cm-lint-marker-warning': {
    content: 'none',
    display: 'grid',
    placeItems: 'center',
    width: '14px',
    height: '20px',
    fontWeight: '700',
  },
  '.cm-lint-marker-error': { color: 'var(--bad)' },
  '.cm-lint-marker-error::before': { content: '"✕"' },
  '.cm-lint-marker-warning': { color: 'var(--warn)' },
  '.cm-lint-marker-warning::before': { content: '"!"' },
  '.cm-panels': { backgroundColor: 'var(--surface-2)', color: 'var(--text)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--border)' },
  '.cm-panels.cm-panels-bottom': { borderTop: '1px solid var(--border)' },
  '.cm-panel.cm-search': { padding: '8px 32px 4px 8px', font: 'var(--text-small) var(--font)' },
  '.cm-panel.cm-search input[type=checkbox]': { margin: '0 4px 0 8px' },
  '.cm-panel.cm-search label': { fontSize: 'var(--text-small)' },
  '.cm-textfield:focus-visible, .cm-button:focus-visible': { outline: '2px solid var(--focus)', outlineOffset: '0' },
  '.cm-textfield': { ...CONTROL, padding: '0 6px' },
  '.cm-button': { ...CONTROL, padding: '0 10px', backgroundImage: 'none', cursor: 'pointer' },
  '.cm-button:active': { backgroundImage: 'none', backgroundColor: 'var(--surface-2)' },
  '.cm-panel.cm-search [name=close]': { color: 'var(--text)', width: '24px', height: '24px', fontSize: '16px' },
  '.cm-panel.cm-panel-lint ul [aria-selected]': { backgroundColor: 'var(--accent-soft)' },
})

const BASE: Extension = [
  lineNumbers(),
  lintGutter(),
  history(),
  drawSelection(),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  search({ top: true }),
  indentUnit.of('  '),
  INDENTATION,
  EditorState.tabSize.of(2),
  EditorView.lineWrapping,
  yaml(),
  syntaxHighlighting(COLOURS),
  LOOKS,
  keymap.of([
    ...closeBracketsKeymap,
    ...defaultKeymap,
    ...searchKeymap,
    ...historyKeymap,
    ...completionKeymap,
    ...lintKeymap,
  ]),
]
