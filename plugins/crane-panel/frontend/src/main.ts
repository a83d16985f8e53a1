/** The panel begins here. */
import { createApp } from 'vue'
import App from './App.vue'
import { toProblem } from './api/problem'
import { loadCaller } from './caller'
import { useElements } from './elements'
import { watchMenus } from './frame/menus'
import './frame/theme'
import { live } from './live'
import { addPages } from './pages'
import StartFailed from './frame/StartFailed.vue'
import { router } from './router'
import './tokens.css'
import './base.css'

async function start(): Promise<void> {
  const place = '#crane'
  try {
    live().connect()
    await Promise.all([loadCaller(), addPages()])
  } catch (error) {
    createApp(StartFailed, { problem: toProblem(error) }).mount(place)
    return
  }
  const app = createApp(App)
  useElements(app)
  app.use(router)
  watchMenus()
  app.mount(place)
}

void start()
