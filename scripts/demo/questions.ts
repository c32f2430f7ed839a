import { randomOf } from './random.ts'
import { type Topic, topics } from './topics.ts'

/** One example of the dataset. */
export interface Question {
  n: number
  topic: Topic
  text: string
  /** By what `{…}` in its topic's texts is replaced. */
  words: Readonly<Record<string, string>>
  /** From 0 to 1: how hard it is for any assistant. */
  difficulty: number
}

const products = [
  'Tarn 2 tent',
  'Ridge 45 backpack',
  'Fjell rain jacket',
  'Ember down jacket',
  'Scree hiking boots',
  'Lumen headlamp',
  'Brook water filter',
  'Cinder gas stove',
  'Drift sleeping bag',
  'Moss sleeping pad',
  'Kestrel trekking poles',
  'Pika fleece',
  'Granite climbing rope',
  'Otter dry bag',
  'Lark softshell trousers',
  'Bracken gaiters',
] as const

const countries = ['Norway', 'Spain', 'Switzerland', 'Ireland', 'Poland', 'Italy', 'Sweden']
const cities = ['Graz', 'Leipzig', 'Gent', 'Turin', 'Malmö', 'Lyon', 'Gdańsk', 'Porto']

/** Makes questions, every topic in turn; the first ones are the same for each count. */
export function makeQuestions(count: number): Question[] {
  return Array.from({ length: count }, (_, n) => {
    const topic = topics[n % topics.length]!
    const round = Math.floor(n / topics.length)
    const random = randomOf('question', n)
    const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!
    const words = {
      // Each product once before any is asked for again in the same topic.
      product: products[(n + 7 * round) % products.length]!,
      order: `RL-${String(20_000 + Math.floor(random() * 70_000))}`,
      country: countries[round % countries.length]!,
      city: cities[round % cities.length]!,
    }
    const asked = topic.questions[round % topic.questions.length]!
    const about = asked.includes('{') ? '' : ' (I bought a {product} in {order}.)'
    const text = filled(asked + about, words)
    const opened = random() < 0.3 ? `${pick(['Hi!', 'Hello,', 'Good morning,'])} ${text}` : text
    return {
      n,
      topic,
      text: opened,
      words,
      difficulty: random() * (topic.isEasy === true ? 0.45 : 1),
    }
  })
}

export function filled(text: string, words: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => words[name] ?? whole)
}
