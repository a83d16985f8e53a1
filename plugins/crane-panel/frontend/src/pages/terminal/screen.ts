/** The screen of a terminal: xterm, loaded when there is one to show. */
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { copyText } from '../../parts/copy'

export interface ScreenWords {
  /** What the screen is called. */
  label: string
}

export interface ScreenListener {
  onTyped(data: Uint8Array): void
  onResized(columns: number, rows: number): void
  /** Whoever uses the keyboard wants to go elsewhere, which the Tab key does not do in a terminal. */
  onLeave(): void
}

const LINES = 5000
// Readable on the ground of both themes: a terminal is dark in both, because programs choose their colours for that.
const THEME = {
  background: '#10141b',
  foreground: '#e6e9ef',
  cursor: '#e6e9ef',
  selectionBackground: '#3d5a8a',
  brightBlack: '#8b94a5',
}

const encoder = new TextEncoder()

/** How large a recorded screen is. */
export interface ScreenSize {
  columns: number
  rows: number
}

export class Screen {
  private readonly terminal: Terminal
  private readonly fit = new FitAddon()
  private readonly watcher: ResizeObserver
  private readonly sheets: CSSStyleSheet[]

  constructor(
    private readonly place: HTMLElement,
    words: ScreenWords,
    private readonly listener: ScreenListener,
    /** Of one that is only looked at, and does not follow the size of its place. */
    recorded: ScreenSize | null = null,
  ) {
    this.terminal = new Terminal({
      fontFamily: getComputedStyle(place).getPropertyValue('--font-mono') || 'monospace',
      fontSize: 13,
      scrollback: LINES,
      theme: THEME,
      minimumContrastRatio: 4.5,
      macOptionIsMeta: true,
      rightClickSelectsWord: true,
      disableStdin: recorded !== null,
    })
    this.terminal.loadAddon(this.fit)
    this.sheets = adoptStyles(() => this.terminal.open(place))
    this.name(words)
    this.terminal.onData((text) => listener.onTyped(encoder.encode(text)))
    // What is no text: the mouse, in old programs.
    this.terminal.onBinary((text) => listener.onTyped(Uint8Array.from(text, (letter) => letter.charCodeAt(0))))
    this.terminal.onResize(({ cols, rows }) => listener.onResized(cols, rows))
    // In what is only looked at every other key is the browser's.
    this.terminal.attachCustomKeyEventHandler((event) => this.handle(event) && recorded === null)
    this.watcher = new ResizeObserver(() => this.resize())
    if (recorded) {
      this.setSize(recorded.columns, recorded.rows)
      return
    }
    this.watcher.observe(place)
    this.resize()
  }

  get columns(): number {
    return this.terminal.cols
  }

  get rows(): number {
    return this.terminal.rows
  }

  /** Say what it is, in the present language. */
  name({ label }: ScreenWords): void {
    this.terminal.textarea?.setAttribute('aria-label', label)
  }

  show(data: Uint8Array, shown: () => void): void {
    this.terminal.write(data, shown)
  }

  /** Show text that is not to be waited for. */
  print(text: string): void {
    this.terminal.write(text)
  }

  setSize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows)
  }

  /** Begin with an empty screen. */
  clear(): void {
    this.terminal.reset()
  }

  focus(): void {
    this.terminal.focus()
  }

  /** What stands on it, for tests and for who wants to copy all of it. */
  get text(): string {
    const { active } = this.terminal.buffer
    const lines = []
    for (let at = 0; at < active.length; at++) lines.push(active.getLine(at)?.translateToString(true) ?? '')
    return lines.join('\n').trimEnd()
  }

  destroy(): void {
    this.watcher.disconnect()
    this.terminal.dispose()
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !this.sheets.includes(sheet))
  }

  private resize(): void {
    // A place that is not shown has no size.
    if (this.place.clientWidth > 0 && this.place.clientHeight > 0) this.fit.fit()
  }

  /** Keep a few keys for ourselves; everything else is the program's. */
  private handle(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey || event.altKey) return true
    const key = event.key.toLowerCase()
    if (key === 'c') {
      event.preventDefault()
      if (this.terminal.hasSelection()) void copyText(this.terminal.getSelection())
      return false
    }
    if (key === 'e') {
      event.preventDefault()
      this.listener.onLeave()
      return false
    }
    // The browser pastes, and the terminal takes it.
    return key !== 'v'
  }
}

/**
 * Turn the style elements that are made meanwhile into sheets that scripts may make.
 *
 * The policy of the page forbids styles that stand in the document, which is how xterm tells its colours and sizes.
 */
function adoptStyles(run: () => void): CSSStyleSheet[] {
  const sheets: CSSStyleSheet[] = []
  const create = document.createElement.bind(document)
  const adopt = (made: HTMLElement) => {
    const sheet = new CSSStyleSheet()
    sheets.push(sheet)
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
    Object.defineProperty(made, 'textContent', { set: (text: string) => sheet.replaceSync(text), configurable: true })
    return made
  }
  // An empty element stands in the place of each: the policy forbids even an empty style.
  document.createElement = ((name: string, options?: ElementCreationOptions) =>
    name === 'style' ? adopt(create('template')) : create(name, options)) as typeof document.createElement
  try {
    run()
  } finally {
    // What stands on the prototype is found again.
    Reflect.deleteProperty(document, 'createElement')
  }
  return sheets
}
