import { writePerformance } from './performance.ts'

await writePerformance()
