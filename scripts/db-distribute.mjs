// npm run db:distribute: the same as `runmill distribute`
process.argv.splice(2, 0, 'distribute')
await import('./runmill.mjs')
