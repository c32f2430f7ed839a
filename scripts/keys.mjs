// npm run keys -- create|list|revoke: the same as `runmill keys`
process.argv.splice(2, 0, 'keys')
await import('./runmill.mjs')
