// The commit that this process serves, for the app router: app/api/buildinfo/route.js (or route.ts, as it is).

// Answered by this process for each request. Without this line, Next.js 13 and 14 can write the answer at build time. Next.js 16
// with cacheComponents rejects the line: remove it there, because reading the request below has the same effect.
export const dynamic = 'force-dynamic'

export function GET(request) {
  const nonce = new URL(request.url).searchParams.get('nonce')
  // next.config.js puts the commit in at build time, in exactly these words. The environment counts only without it.
  const commit = process.env.BUILDINFO_GIT_SHA || process.env.GIT_SHA || ''
  return new Response(
    // No commit is null, never a word such as "unknown" that could look like one.
    JSON.stringify({ git_sha: /^[0-9a-f]{40}$/.test(commit) ? commit : null, state: 'serving', nonce }),
    { headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' } }
  )
}
