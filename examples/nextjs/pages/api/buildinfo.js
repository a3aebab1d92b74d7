// The commit that this process serves, for the pages router: pages/api/buildinfo.js. An app needs one of the two routes.

export default function handler(request, response) {
  const nonce = request.query.nonce
  // next.config.js puts the commit in at build time, in exactly these words. The environment counts only without it.
  const commit = process.env.BUILDINFO_GIT_SHA || process.env.GIT_SHA || ''
  response.setHeader('Cache-Control', 'no-store')
  // No commit is null, never a word such as "unknown" that could look like one.
  response.status(200).json({
    git_sha: /^[0-9a-f]{40}$/.test(commit) ? commit : null,
    state: 'serving',
    nonce: typeof nonce === 'string' ? nonce : null,
  })
}
