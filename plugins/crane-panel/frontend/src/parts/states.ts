/** What each state looks like: its colour and its icon; the word is in words.ts. */
import type { Component } from 'vue'
import { CircleCheck, CircleClose, Clock, Loading, Minus, RemoveFilled, VideoPause, Warning } from '@element-plus/icons-vue'

export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'off'

const LOOKS: Record<Tone, [Component, string[]]> = {
  ok: [CircleCheck, ['converged', 'running', 'complete', 'ready', 'active', 'ok', 'removed', 'healthy', 'pulled', 'current']],
  busy: [
    Loading,
    ['updating', 'applying', 'following', 'progressing', 'stabilising', 'rolling-back', 'starting', 'preparing', 'removing', 'assigned', 'accepted', 'new', 'allocated', 'restarting', 'pulling'],
  ],
  warn: [Warning, ['degraded', 'rolled-back', 'pending', 'unknown-yet', 'timed-out', 'disconnected', 'unknown', 'blocked', 'waiting']],
  bad: [CircleClose, ['failed', 'rejected', 'down', 'orphaned', 'unreachable', 'dead', 'unhealthy']],
  off: [Minus, ['shutdown', 'remove', 'empty', 'disabled', 'ended', 'created', 'exited', 'kept']],
}
const ICONS: Record<string, Component> = {
  paused: VideoPause,
  pause: VideoPause,
  drain: RemoveFilled,
  pending: Clock,
  waiting: Clock,
}
const TONES: Record<string, Tone> = { paused: 'warn', pause: 'warn', drain: 'warn' }
for (const [tone, [icon, states]] of Object.entries(LOOKS)) {
  for (const state of states) {
    TONES[state] = tone as Tone
    ICONS[state] ??= icon
  }
}

/**
 * Return the colour and the icon of a state; a state that is not known is shown as it is called.
 *
 * @param ofTask A node that is ready is well; a task that is ready waits to be started.
 */
export function lookOf(named: string, ofTask = false): { tone: Tone; icon: Component } {
  const state = ofTask && named === 'ready' ? 'starting' : named
  return { tone: TONES[state] ?? 'off', icon: ICONS[state] ?? Minus }
}

/** How much a state asks to be looked at: what is broken sorts before what works. */
export function urgency(state: string, ofTask = false): number {
  return ['bad', 'warn', 'busy', 'off', 'ok'].indexOf(lookOf(state, ofTask).tone)
}
