package import Shared

/// Asks the registry what a digest is. Answers in bounded time, whatever comes of it.
package typealias DigestResolver = @Sendable (Digest) async -> DigestLookup
