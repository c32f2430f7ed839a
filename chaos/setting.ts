import type { Setting } from './unit-kind.ts'
import type { System } from './system.ts'

const exampleCount = 20

/** Makes the dataset that the load links to, as a client does. */
export async function createSetting(system: System, seed: number): Promise<Setting> {
  const basic = Buffer.from(`${system.publicKey}:${system.secretKey}`).toString('base64')
  const post = async (path: string, body: object): Promise<{ id: string }> => {
    const answer = await fetch(system.apis[0]!.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${basic}` },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { id: string }
  }
  const dataset = await post('/api/public/v2/datasets', { name: 'chaos' })
  const examples: string[] = []
  for (let i = 0; i < exampleCount; i++) {
    const item = { datasetName: 'chaos', input: { question: i }, expectedOutput: { answer: i } }
    examples.push((await post('/api/public/dataset-items', item)).id)
  }
  return { seed, epochMs: Date.now(), datasetId: dataset.id, examples }
}
