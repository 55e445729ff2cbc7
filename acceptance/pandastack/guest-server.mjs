// Runs inside a sandbox: an HTTP server that answers with what it was asked, gives a body back while it still comes,
// holds a stream of events until it is told to go on, and speaks enough WebSocket to repeat short texts.

import { createHash } from 'node:crypto'
import http from 'node:http'

const events = new Set()
const server = http.createServer((request, response) => {
  const path = request.url.split('?')[0]
  if (path.endsWith('/echo')) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    response.flushHeaders()
    return request.pipe(response)
  }
  if (path.endsWith('/events')) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: first\n\n')
    return void events.add(response)
  }
  if (path.endsWith('/go-on')) {
    for (const one of events) one.end('data: second\n\n')
    events.clear()
    return response.end('told')
  }
  if (path.endsWith('/teapot'))
    return response.writeHead(418, { 'x-own': 'header', 'set-cookie': 'a=b' }).end('short')
  const { method, url, headers } = request
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method, url, headers }))
})
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.on('error', () => socket.destroy())
  socket.on('data', (frame) => {
    if ((frame[0] & 15) === 8) return socket.end(Buffer.from([0x88, 0]))
    const length = frame[1] & 127
    const text = Buffer.from(frame.subarray(6, 6 + length))
    for (let i = 0; i < length; i++) text[i] ^= frame[2 + (i % 4)]
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]))
  })
})
server.listen(Number(process.argv[2]), '0.0.0.0')
