/** The panel begins here. */
import { createApp } from 'vue'
import App from './App.vue'
import { toProblem } from './api/problem'
import { caller } from './caller'
import { useElements } from './elements'
import './frame/theme'
import { addPages } from './pages'
import StartFailed from './frame/StartFailed.vue'
import { router } from './router'
import { divert, findStanding, watchSession } from './session'
import './tokens.css'
import './base.css'

async function start(): Promise<void> {
  const place = '#crane'
  try {
    const pages = addPages()
    // Who has to log in first is not told which pages there are.
    pages.catch(() => undefined)
    const standing = await findStanding()
    if (standing === 'known') {
      watchSession()
      await pages
    }
    router.beforeEach((to) => divert(standing, to))
  } catch (error) {
    createApp(StartFailed, { problem: toProblem(error) }).mount(place)
    return
  }
  const app = createApp(App)
  useElements(app)
  app.use(router)
  // Whether there is a frame around the first page is known once its address is.
  if (caller.value === null) await router.isReady()
  app.mount(place)
}

void start()
