// Plays Next.js for one route: serve.mjs ROUTER MODULE FILE. Listens on a free port of loopback and writes it to FILE.
//
// app-14 calls a GET handler at build time, and serves that answer, unless the handler is forced to be dynamic or reads the
// request; app-16 does so with cacheComponents, and rejects the export `dynamic`; pages calls the handler for each request.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

const [router, path, file] = process.argv.slice(2)
const route = await import(pathToFileURL(path))

async function prerendered() {
  if (router === 'app-16' && route.dynamic !== undefined) throw new Error('"dynamic" is not compatible with cacheComponents')
  if (router === 'app-14' && route.dynamic === 'force-dynamic') return null
  let isRead = false
  const request = new Proxy(new Request('http://localhost:3000/api/buildinfo'), {
    get(target, name) {
      isRead = true
      return Reflect.get(target, name, target)
    },
  })
  const answer = await route.GET(request)
  return isRead ? null : { body: await answer.text(), type: answer.headers.get('Content-Type') }
}

async function app(request, response, fixed) {
  if (fixed) {
    response.writeHead(200, { 'Content-Type': fixed.type, 'Cache-Control': 's-maxage=31536000', 'x-nextjs-cache': 'HIT' })
    return response.end(fixed.body)
  }
  const answer = await route.GET(new Request(`http://${request.headers.host}${request.url}`, { headers: request.headers }))
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  response.end(await answer.text())
}

function pages(request, response) {
  const query = {}
  for (const [name, value] of new URL(request.url, 'http://localhost').searchParams)
    query[name] = name in query ? [query[name], value].flat() : value
  response.status = (code) => { response.statusCode = code; return response }
  response.json = (value) => {
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(value))
  }
  return route.default(Object.assign(request, { query }), response)
}

const fixed = router === 'pages' ? null : await prerendered()
const server = createServer((request, response) => {
  if (!request.url.startsWith('/api/buildinfo')) return response.writeHead(404).end()
  return router === 'pages' ? pages(request, response) : app(request, response, fixed)
})
server.listen(0, '127.0.0.1', () => writeFileSync(file, String(server.address().port)))
