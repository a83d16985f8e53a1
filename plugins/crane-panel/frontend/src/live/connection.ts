/**
 * The live socket: one for each tab, whatever follows how many topics.
 *
 * It says what the server says: snapshots and changes of topics, as they come. When the connection is lost it is opened
 * again after a pause that grows and varies, and what was followed is resumed from the version last seen.
 */
import { toProblem, type Problem, type ProblemDetails } from '../api/problem'
import type { Source } from '../api/types'

export type LiveState = 'connecting' | 'live' | 'lost' | 'refused'

export interface Follower {
  /** Everything there is; it replaces what was known. */
  onSnapshot(items: Record<string, unknown>, sources: Source[]): void
  onChanges(set: Record<string, unknown>, gone: string[], sources: Source[]): void
  /** What was known is still so. */
  onUnchanged(sources: Source[]): void
  /** The topic was refused, or ended; it is asked for again when the connection is opened anew. */
  onError(problem: Problem): void
}

/** Somebody who is sent what comes, and not only how it stands. */
export interface FeedFollower {
  /** The topic to ask for: anew each time the connection is opened, so that what was seen need not come again. */
  topic(): string
  onMessage(message: Record<string, unknown>): void
  /** The feed was refused, or ended; it is asked for again when the connection is opened anew. */
  onError(problem: Problem): void
}

interface Following {
  followers: Set<Follower>
  version: string | null
  items: Map<string, unknown>
  sources: Source[]
  known: boolean
  problem: Problem | null
}

interface Message {
  topic?: string
  version?: string
  snapshot?: Record<string, unknown>
  changes?: { set: Record<string, unknown>; gone: string[] }
  unchanged?: boolean
  sources?: Source[]
  error?: ProblemDetails
}

export interface Surroundings {
  open(): WebSocket
  setTimeout(run: () => void, milliseconds: number): unknown
  clearTimeout(timer: unknown): void
  random(): number
}

const FIRST_PAUSE = 500
const LONGEST_PAUSE = 15_000
// The server asks every 20 seconds whether we are there, but that is not seen here; a subscription costs nothing.
const REFUSED_CODES = new Set([1008])

export class LiveConnection {
  private readonly topics = new Map<string, Following>()
  private readonly feeds = new Map<string, FeedFollower>()
  private socket: WebSocket | null = null
  private pause = FIRST_PAUSE
  private timer: unknown = null
  private opened = false

  constructor(
    private readonly surroundings: Surroundings,
    private readonly onState: (state: LiveState) => void,
  ) {}

  /** Follow a topic; returns what ends that. What is known of it already is told at once. */
  follow(topic: string, follower: Follower): () => void {
    let following = this.topics.get(topic)
    if (following) {
      following.followers.add(follower)
      if (following.problem) follower.onError(following.problem)
      else if (following.known) follower.onSnapshot(Object.fromEntries(following.items), following.sources)
    } else {
      following = {
        followers: new Set([follower]),
        version: null,
        items: new Map(),
        sources: [],
        known: false,
        problem: null,
      }
      this.topics.set(topic, following)
      this.say({ subscribe: topic })
    }
    this.connect()
    return () => this.unfollow(topic, follower)
  }

  /** Be sent a feed; returns what ends that. */
  followFeed(follower: FeedFollower): () => void {
    this.askForFeed(follower)
    this.connect()
    return () => {
      for (const [topic, known] of this.feeds) {
        if (known !== follower) continue
        this.feeds.delete(topic)
        this.say({ unsubscribe: topic })
      }
    }
  }

  private askForFeed(follower: FeedFollower): void {
    const topic = follower.topic()
    this.feeds.set(topic, follower)
    this.say({ subscribe: topic })
  }

  /** Open the connection, if it is not open or about to be. */
  connect(): void {
    if (this.socket || this.timer !== null) return
    this.onState('connecting')
    const socket = this.surroundings.open()
    this.socket = socket
    socket.onopen = () => {
      this.opened = true
      this.onState('live')
      this.resume()
    }
    socket.onmessage = (event: MessageEvent<string>) => {
      // Only now is it known that the server means it: some proxies accept and close at once.
      this.pause = FIRST_PAUSE
      this.hear(JSON.parse(event.data) as Message)
    }
    socket.onclose = (event: CloseEvent) => {
      if (this.socket !== socket) return
      this.socket = null
      this.opened = false
      this.onState(REFUSED_CODES.has(event.code) ? 'refused' : 'lost')
      this.retry()
    }
  }

  /** Try again now instead of after the pause. */
  hurry(): void {
    if (this.timer === null) return
    this.surroundings.clearTimeout(this.timer)
    this.timer = null
    this.connect()
  }

  /** End it for good. */
  close(): void {
    if (this.timer !== null) this.surroundings.clearTimeout(this.timer)
    this.timer = null
    const socket = this.socket
    this.socket = null
    this.opened = false
    socket?.close()
  }

  private retry(): void {
    const pause = this.pause * (0.5 + this.surroundings.random())
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE)
    this.timer = this.surroundings.setTimeout(() => {
      this.timer = null
      this.connect()
    }, pause)
  }

  private resume(): void {
    for (const [topic, following] of this.topics) {
      if (following.version === null) this.say({ subscribe: topic })
      else this.say({ resume: { [topic]: following.version } })
    }
    const followers = [...this.feeds.values()]
    this.feeds.clear()
    for (const follower of followers) this.askForFeed(follower)
  }

  private unfollow(topic: string, follower: Follower): void {
    const following = this.topics.get(topic)
    if (!following?.followers.delete(follower) || following.followers.size > 0) return
    this.topics.delete(topic)
    this.say({ unsubscribe: topic })
  }

  private say(message: object): void {
    if (this.opened) this.socket?.send(JSON.stringify(message))
  }

  private hear(message: Message): void {
    const feed = message.topic === undefined ? undefined : this.feeds.get(message.topic)
    if (feed) {
      if (message.error) feed.onError(toProblem(message.error))
      else feed.onMessage(message as Record<string, unknown>)
      return
    }
    const following = message.topic === undefined ? undefined : this.topics.get(message.topic)
    if (!following) return
    if (message.error) {
      following.problem = toProblem(message.error)
      following.version = null
      for (const follower of following.followers) follower.onError(following.problem)
      return
    }
    following.problem = null
    following.version = message.version ?? following.version
    following.sources = message.sources ?? following.sources
    if (message.snapshot) {
      following.known = true
      following.items = new Map(Object.entries(message.snapshot))
      for (const follower of following.followers) follower.onSnapshot(message.snapshot, following.sources)
    } else if (message.changes) {
      const { set, gone } = message.changes
      for (const [key, item] of Object.entries(set)) following.items.set(key, item)
      for (const key of gone) following.items.delete(key)
      for (const follower of following.followers) follower.onChanges(set, gone, following.sources)
    } else if (message.unchanged) {
      for (const follower of following.followers) follower.onUnchanged(following.sources)
    }
  }
}
