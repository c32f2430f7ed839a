import { QueryClientProvider } from '@tanstack/preact-query'
import { Suspense } from 'preact/compat'
import { useEffect, useState } from 'preact/hooks'
import { Redirect, Route, Switch } from 'wouter-preact'
import { queries } from '../api/queries.ts'
import { getSession, onSession } from '../api/session.ts'
import { Loading } from '../parts/loading.tsx'
import { datasetsUrl } from '../url/addresses.ts'
import { CatchErrors } from './catch-errors.tsx'
import { Head } from './head.tsx'
import { Layout } from './layout.tsx'
import { routes } from './routes.ts'
import { SignIn } from './sign-in.tsx'

/** The page: what asks for a key, and the views behind it. The address stays while a key is asked for. */
export function App() {
  const [session, setSession] = useState(getSession())
  useEffect(
    () =>
      onSession(() => {
        // Nothing of one tenant may be shown to the next.
        queries.clear()
        setSession(getSession())
      }),
    [],
  )
  if (session === null) return <SignIn />
  return (
    <QueryClientProvider client={queries}>
      <Layout>
        <CatchErrors>
          <Suspense fallback={<Loading />}>
            <Switch>
              {routes.map(({ path, view: View }) => (
                <Route key={path} path={path}>
                  {(params: Record<string, string | undefined>) => <View params={params} />}
                </Route>
              ))}
              <Route path="/">
                <Redirect to={datasetsUrl()} replace />
              </Route>
              <Route path="/app">
                <Redirect to={datasetsUrl()} replace />
              </Route>
              <Route>
                <Head title="There is no such page" />
                <p>
                  <a href={datasetsUrl()}>Go to the datasets</a>
                </p>
              </Route>
            </Switch>
          </Suspense>
        </CatchErrors>
      </Layout>
    </QueryClientProvider>
  )
}
