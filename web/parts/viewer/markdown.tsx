import { lexer, type Token, type Tokens } from 'marked'
import type { ComponentChildren } from 'preact'

/**
 * Markdown as elements. The text is taken apart into tokens and never into HTML: tags in it are shown as they were
 * written, and links lead only to the web.
 */
export default function Markdown({ text }: { text: string }) {
  return <div class="markdown">{blocks(lexer(text))}</div>
}

function blocks(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, index) => <Block key={index} token={token} />)
}

function Block({ token }: { token: Token }): ComponentChildren {
  switch (token.type) {
    case 'heading':
      return (
        <p class={`markdown-heading level-${(token as Tokens.Heading).depth}`}>
          {inline(token.tokens)}
        </p>
      )
    case 'paragraph':
      return <p>{inline(token.tokens)}</p>
    case 'text':
      return (
        <p>{token.tokens === undefined ? (token as Tokens.Text).text : inline(token.tokens)}</p>
      )
    case 'code':
      return (
        <pre>
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      )
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>
    case 'list': {
      const { ordered, start, items } = token as Tokens.List
      const entries = items.map((item, index) => <li key={index}>{blocks(item.tokens)}</li>)
      return ordered ? <ol start={start === '' ? 1 : start}>{entries}</ol> : <ul>{entries}</ul>
    }
    case 'table':
      return <Table token={token as Tokens.Table} />
    case 'hr':
      return <hr />
    case 'space':
    case 'def':
      return null
    default:
      return <p>{token.raw}</p>
  }
}

function Table({ token: { header, rows } }: { token: Tokens.Table }) {
  return (
    <table>
      <thead>
        <tr>
          {header.map((cell, index) => (
            <th key={index} scope="col">
              {inline(cell.tokens)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={at}>
            {row.map((cell, index) => (
              <td key={index}>{inline(cell.tokens)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function inline(tokens: readonly Token[] | undefined): ComponentChildren {
  return (tokens ?? []).map((token, index) => <Inline key={index} token={token} />)
}

function Inline({ token }: { token: Token }): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>
    case 'em':
      return <em>{inline(token.tokens)}</em>
    case 'del':
      return <s>{inline(token.tokens)}</s>
    case 'codespan':
      return <code>{(token as Tokens.Codespan).text}</code>
    case 'br':
      return <br />
    case 'link': {
      const { href } = token as Tokens.Link
      if (!/^https?:\/\//i.test(href)) return <>{token.raw}</>
      return (
        <a href={href} target="_blank" rel="noopener noreferrer">
          {inline(token.tokens)}
        </a>
      )
    }
    // Nothing is loaded from elsewhere.
    case 'image':
      return <span class="faint">{token.raw}</span>
    case 'text':
      return token.tokens === undefined ? <>{(token as Tokens.Text).text}</> : inline(token.tokens)
    case 'escape':
      return <>{(token as Tokens.Escape).text}</>
    default:
      return <>{token.raw}</>
  }
}
