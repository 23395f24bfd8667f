// The usual Node token server, as a peer: Express and Agora's own package.
'use strict'
const express = require('express')
const { RtcTokenBuilder, RtcRole } = require('agora-token')

const { APP_ID, APP_CERTIFICATE, PORT } = process.env

function token(body) {
  const role = body.role === 'publisher' ? RtcRole.PUBLISHER : RtcRole.SUBSCRIBER
  const expire = body.expire || 3600
  return RtcTokenBuilder.buildTokenWithUid(
    APP_ID, APP_CERTIFICATE, body.channel, Number(body.uid), role, expire, expire)
}

if (process.argv[2] === 'tokens') {
  // tokens per second of one thread, without any server
  const count = Number(process.argv[3])
  const body = { channel: 'demo', uid: '1234', role: 'publisher' }
  for (let i = 0; i < count / 10; i++) token(body)
  const began = process.hrtime.bigint()
  for (let i = 0; i < count; i++) token(body)
  console.log(count / (Number(process.hrtime.bigint() - began) / 1e9))
} else {
  const app = express()
  app.use(express.json())
  app.get('/ping', (request, response) => response.json({ message: 'pong' }))
  app.post('/getToken', (request, response) => {
    response.set('Cache-Control', 'private, no-cache, no-store, must-revalidate')
    response.json({ token: token(request.body) })
  })
  app.listen(Number(PORT), '127.0.0.1', () => console.log('ready'))
}
