// npm run keys -- create|list|revoke
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, checkNode, install, root } from './prepare.mjs'

checkNode()
await install()
await build()
await import(pathToFileURL(join(root, 'dist', 'src', 'keys-cli.js')).href)
