import { Head } from '../../shell/head.tsx'

export default function Datasets() {
  return <Head title="Datasets" />
}
