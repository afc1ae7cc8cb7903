// Attacks with supabase-js: tables, functions and channels that standard input names. Says what was
// asked and what came back, one JSON value per line; whoever reads it looks for what should not be
// there.
import { readFileSync } from 'node:fs'
import { createClient } from '@supabase/supabase-js'

const { url, key, token, tables, functions, topics } = JSON.parse(readFileSync(0, 'utf8'))
const client = createClient(url, key, {
  accessToken: token ? async () => token : undefined,
  auth: { persistSession: false, autoRefreshToken: false },
  // No slow machine is taken for an unanswered join.
  realtime: { timeout: 240000 },
})

const say = (kind, asked, answer) =>
  process.stdout.write(`${JSON.stringify({ kind, asked, answer })}\n`)

const told = ({ data, error, count, status }) => ({ data, error, count, status })

for (const { name, row, granted, key: id } of tables) {
  const from = () => client.from(name)
  const ask = async (kind, how, query) => say(kind, { name, how, row }, told(await query))
  await ask('read', 'select', from().select('*', { count: 'exact' }).match(id))
  await ask('read', 'csv', from().select('*').match(id).csv())
  await ask('read', 'single', from().select('*').match(id).maybeSingle())
  await ask('read', 'head', from().select('*', { count: 'exact', head: true }).match(id))
  await ask('read', 'explain', from().select('*').match(id).explain({ analyze: true }))
  await ask('write', 'insert', from().insert(granted).select())
  await ask('write', 'bulk', from().insert([granted, row]).select())
  await ask('write', 'upsert', from().upsert(row).select())
  await ask('write', 'ignore', from().upsert(row, { ignoreDuplicates: true }).select())
  await ask('write', 'update', from().update(granted).match(id).select())
  await ask('write', 'rollback', from().update(granted).match(id).rollback().select())
  await ask('write', 'delete', from().delete({ count: 'exact' }).match(id).select())
  for (const schema of ['private', 'vault', 'auth', 'realtime'])
    await ask('schema', schema, client.schema(schema).from(name).select('*'))
}

for (const { name, args, isReadOnly } of functions) {
  say('call', { name, args }, told(await client.rpc(name, args)))
  if (isReadOnly) say('call', { name, args }, told(await client.rpc(name, args, { get: true })))
}

if (token) await client.realtime.setAuth(token)
for (const topic of topics)
  for (const isPrivate of [true, false]) {
    const options = { private: isPrivate, presence: { key: 'hostile' } }
    const channel = client.channel(topic, { config: options })
    const hear = (kind) => (message) => say('heard', { topic, isPrivate }, { kind, message })
    channel.on('broadcast', { event: '*' }, hear('broadcast'))
    channel.on('presence', { event: 'sync' }, () => hear('presence')(channel.presenceState()))
    const state = await new Promise((resolve) =>
      channel.subscribe((state, error) => resolve({ state, error: error?.message })),
    )
    say('join', { topic, isPrivate }, state)
    if (state.state === 'SUBSCRIBED') {
      const event = { type: 'broadcast', event: 'run_finished', payload: { forged: true } }
      say('send', { topic, isPrivate }, await channel.send(event))
      say('track', { topic, isPrivate }, await channel.track({ forged: true }))
    }
    const sent = await channel.httpSend('run_queued', { forged: true }).catch(String)
    say('http', { topic, isPrivate }, sent)
    await client.removeChannel(channel)
  }
process.exit(0)
