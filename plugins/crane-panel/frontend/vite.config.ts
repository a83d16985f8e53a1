/**
 * Builds the panel into crane_panel/static.
 *
 * Vue and vue-router stay outside the bundle, as files of their own that an import map names: pages of other plugins
 * import the very same ones, so that a component of theirs is a component of ours.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

const require = createRequire(import.meta.url)
const SERVER = process.env['CRANE_URL'] ?? 'http://127.0.0.1:5013'
const MAIN = fileURLToPath(new URL('src/main.ts', import.meta.url))
const BARRELS = /\/(element-plus|@element-plus\/icons-vue)\/(es|dist)\/index/
const ofStart = new Set<string>()
const SHARED = {
  vue: 'vue/dist/vue.runtime.esm-browser.prod.js',
  'vue-router': 'vue-router/dist/vue-router.esm-browser.prod.js',
}

/** Put the shared libraries beside the bundle, and the import map that names them into the page. */
function shareLibraries(): Plugin {
  const imports: Record<string, string> = {}
  return {
    name: 'share-libraries',
    apply: 'build',
    generateBundle() {
      for (const [name, path] of Object.entries(SHARED)) {
        const source = readFileSync(require.resolve(path))
        const fileName = `assets/${name}-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.js`
        this.emitFile({ type: 'asset', fileName, source })
        imports[name] = `/${fileName}`
      }
    },
    transformIndexHtml: {
      order: 'post',
      handler: () => [
        { tag: 'script', attrs: { type: 'importmap' }, children: JSON.stringify({ imports }), injectTo: 'head-prepend' },
        ...Object.values(imports).map((href) => ({
          tag: 'link',
          attrs: { rel: 'modulepreload', href },
          injectTo: 'head' as const,
        })),
      ],
    },
  }
}

/** Name the chunk of what main.ts imports, however indirectly, and everything at once; others are made as usual. */
function partOfStart(id: string, modules: Rolldown.ChunkingContext): string | null {
  if (ofStart.size === 0) {
    const found = [MAIN]
    for (const module of found) {
      // Lists of all components of a library: which of them are wanted is not known before they are shaken.
      if (ofStart.has(module) || BARRELS.test(module)) continue
      ofStart.add(module)
      found.push(...(modules.getModuleInfo(module)?.importedIds ?? []))
    }
    ofStart.delete(MAIN)
  }
  return ofStart.has(id) ? 'start' : null
}

/** Put a compressed copy beside each file, so that the server need not compress. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          if (!/\.(js|css|svg)$/.test(fileName)) continue
          const source = gzipSync(file.type === 'chunk' ? file.code : file.source, { level: 9 })
          this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source })
        }
      },
    },
  }
}

export default defineConfig({
  plugins: [vue(), shareLibraries(), compress()],
  build: {
    outDir: '../crane_panel/static',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      external: Object.keys(SHARED),
      // One file for all that the first page needs: each further one costs a slow processor more than its code does.
      output: { codeSplitting: { groups: [{ name: partOfStart, debugName: 'start' }] } },
    },
  },
  // While it is changed, the panel is served by Vite and asks a server that runs; that server must take it for its own.
  server: {
    proxy: {
      '/api': {
        target: SERVER,
        ws: true,
        changeOrigin: true,
        rewriteWsOrigin: true,
        configure: (proxy) => proxy.on('proxyReq', (request) => request.setHeader('origin', SERVER)),
      },
    },
  },
})
