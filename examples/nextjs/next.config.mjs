export default {
  output: 'standalone',
  // Compiled into the route, so that the answer belongs to the code: a build from another commit in the same image would say so.
  env: { BUILDINFO_GIT_SHA: process.env.GIT_SHA ?? '' },
}
