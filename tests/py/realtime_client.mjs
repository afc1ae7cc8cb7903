// Runs the script it reads from standard input with a supabase-js client at hand, and helpers to
// say what happened: one JSON value per line.
import { readFileSync } from 'node:fs'
import { createClient } from '@supabase/supabase-js'

const { URL, KEY, TOKEN } = process.env
// No slow machine is taken for an unanswered join.
const client = createClient(URL, KEY, { realtime: { timeout: 240000 } })
await client.realtime.setAuth(TOKEN)

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// Subscribes and says the state; resolves once the join was answered.
const join = (channel) =>
  new Promise((resolve) => {
    channel.on('system', {}, ({ message }) => say({ system: message }))
    channel.subscribe((state, error) => {
      say(error ? { state, error: error.message } : { state })
      resolve(channel)
    })
  })

const script = readFileSync(0, 'utf8')
const AsyncFunction = (async () => {}).constructor
await new AsyncFunction('client', 'say', 'join', 'pause', script)(client, say, join, pause)
