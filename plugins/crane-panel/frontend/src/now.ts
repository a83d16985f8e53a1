/** The time, as something that a page can show: it moves on every few seconds for all who look at it. */
import { ref } from 'vue'

/** Milliseconds since 1970. */
export const now = ref(Date.now())

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now()
}, 5000)
document.addEventListener('visibilitychange', () => {
  now.value = Date.now()
})
