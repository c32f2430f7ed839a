import { Head } from '../../shell/head.tsx'

export default function Comparison() {
  return <Head title="Comparison" />
}
