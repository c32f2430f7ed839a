import { Head } from '../../shell/head.tsx'

export default function Experiments() {
  return <Head title="Experiments" />
}
