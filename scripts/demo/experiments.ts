import { filled, type Question } from './questions.ts'
import { randomOf } from './random.ts'

export type Quality = 'right' | 'vague' | 'wrong' | 'failed'

/** A version of the assistant, and how it does. */
export interface Variant {
  name: string
  description: string
  /** Which client's protocol sends it. */
  protocol: 'langsmith' | 'langfuse'
  model: string
  promptVersion: string
  branch: string
  /** How many hours before now it ran. */
  hoursAgo: number
  /** Which draws it shares: two variants with the same give the same answers where they are as likely. */
  draws: string
  /** How likely an answer is right, from how likely it is in the baseline. */
  chance(chance: number, question: Question): number
  /** Factor on the time, and tokens that the prompt has beyond the baseline's. */
  slowness: number
  promptTokens: number
  fails?: (question: Question, repetition: number) => boolean
}

export const repetitions = 3

/** Where the fast model does not read the help centre. */
const forgotten = new Set(['warranty', 'return-window'])

export const variants: readonly Variant[] = [
  {
    name: 'support-main',
    description: 'What is live: the newest state of the main branch',
    protocol: 'langsmith',
    model: 'gpt-4o-mini',
    promptVersion: '12',
    branch: 'main',
    hoursAgo: 7 * 24,
    draws: 'main',
    chance: (chance) => chance,
    slowness: 1,
    promptTokens: 0,
  },
  {
    name: 'support-two-articles',
    description: 'Reads two articles of the help centre instead of one: clearly better',
    protocol: 'langsmith',
    model: 'gpt-4o-mini',
    promptVersion: '12',
    branch: 'two-articles',
    hoursAgo: 5 * 24,
    draws: 'two-articles',
    chance: (chance) => chance + 0.5 * (1 - chance),
    slowness: 1.08,
    promptTokens: 160,
  },
  {
    name: 'support-refactoring',
    description: 'The code tidied up, prompts and model as before: the answers are identical',
    protocol: 'langfuse',
    model: 'gpt-4o-mini',
    promptVersion: '12',
    branch: 'refactoring',
    hoursAgo: 3 * 24,
    draws: 'main',
    chance: (chance) => chance,
    slowness: 1,
    promptTokens: 0,
  },
  {
    name: 'support-friendlier',
    description: 'A friendlier prompt: every mean looks better, but 200 examples cannot tell',
    protocol: 'langsmith',
    model: 'gpt-4o-mini',
    promptVersion: '13',
    branch: 'friendlier',
    hoursAgo: 26,
    draws: 'friendlier 2',
    chance: (chance) => chance + 0.1 * (1 - chance),
    slowness: 1.3,
    promptTokens: 90,
    fails: ({ n }, repetition) => n === 3 && repetition === 1,
  },
  {
    name: 'support-new-model',
    description: 'Another model: better on average, and wrong about returns and warranty',
    protocol: 'langfuse',
    model: 'gpt-4.1-mini',
    promptVersion: '12',
    branch: 'new-model',
    hoursAgo: 3,
    draws: 'new-model',
    chance: (chance, { topic }) => (forgotten.has(topic.id) ? 0.02 : chance + 0.6 * (1 - chance)),
    slowness: 0.6,
    promptTokens: 0,
  },
]

/** One score of an answer. */
export interface Score {
  key: string
  /** A text is a label. */
  value: number | string
  reason: string
}

/** One execution of one question. */
export interface Execution {
  question: Question
  repetition: number
  quality: Quality
  /** null: it failed. */
  answer: string | null
  scores: readonly Score[]
  /** Milliseconds from the start of the variant's run to its own, and of its parts. */
  startsAfter: number
  retrieval: number
  lookup: number
  model: number
  tokens: { prompt: number; completion: number }
}

export function executionsOf(variant: Variant, questions: readonly Question[]): Execution[] {
  return questions.flatMap((question) =>
    Array.from({ length: repetitions }, (_, repetition) => execute(variant, question, repetition)),
  )
}

function execute(variant: Variant, question: Question, repetition: number): Execution {
  const { topic, words, difficulty, n } = question
  const draw = randomOf('answer', variant.draws, n, repetition)
  const chance = variant.chance(difficulty < 0.45 ? 0.97 : difficulty < 0.8 ? 0.6 : 0.2, question)
  const isRight = draw() < chance
  const isVague = draw() < (chance < 0.1 ? 0.2 : 0.6)
  const hasFailed = variant.fails?.(question, repetition) ?? false
  const quality = hasFailed ? 'failed' : isRight ? 'right' : isVague ? 'vague' : 'wrong'
  const answer = quality === 'failed' ? null : filled(topic[quality], words)
  // Takes other draws, so that nothing of the answer depends on how long it took.
  const time = randomOf('time', variant.name, n, repetition)
  const spread = (middle: number): number =>
    Math.round(middle * variant.slowness * Math.exp(0.5 * (time() + time() - 1)))
  const completion = Math.ceil((answer ?? '').length / 4.2)
  return {
    question,
    repetition,
    quality,
    answer,
    scores: scoresOf(question, quality, draw),
    startsAfter: (n * repetitions + repetition) * 700 + Math.floor(time() * 300),
    retrieval: spread(180),
    lookup: topic.needsOrder ? spread(90) : 0,
    model: hasFailed ? 30_000 : spread(700 + completion * 18),
    tokens: {
      prompt:
        210 + variant.promptTokens + Math.ceil((topic.text.length + question.text.length) / 4),
      completion,
    },
  }
}

const kinds = { right: 'complete', vague: 'incomplete', wrong: 'wrong' }

function scoresOf({ topic }: Question, quality: Quality, draw: () => number): Score[] {
  if (quality === 'failed') return []
  const reasons = {
    right: `Says all that the article "${topic.article}" says about it.`,
    vague: `Right, but leaves out ${topic.lacks}.`,
    wrong: `Contradicts the article "${topic.article}": ${topic.mistake}.`,
  }
  const helpful = { right: 1, vague: 0.5, wrong: 0 }[quality]
  // The judge is a little stricter or kinder at times.
  const shift = draw() < 0.25 ? (quality === 'wrong' ? 0.25 : -0.25) : 0
  const because =
    shift === 0
      ? reasons[quality]
      : `${reasons[quality]} ${shift > 0 ? 'Polite.' : 'Rather terse.'}`
  return [
    { key: 'correct', value: quality === 'right' ? 1 : 0, reason: reasons[quality] },
    { key: 'helpful', value: helpful + shift, reason: because },
    {
      key: 'invented',
      value: quality === 'wrong' ? 1 : 0,
      reason:
        quality === 'wrong' ? `Made up: ${topic.mistake}.` : 'Every statement is in the article.',
    },
    { key: 'kind', value: kinds[quality], reason: reasons[quality] },
  ]
}
