#!/usr/bin/env node
// runmill COMMAND …: builds what is not built yet, and runs src/cli/main.ts
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, checkNode, install, root } from './prepare.mjs'

checkNode()
await install()
await build()
await import(pathToFileURL(join(root, 'dist', 'src', 'cli', 'main.js')).href)
