import Logging
import Shared

/// Looks again and again at the tag that was promoted, for somebody who points it elsewhere meanwhile.
struct TagWatch: Sendable {
    let reference: ImageReference
    let client: RegistryClient

    private static let interval = Duration.seconds(1)
    /// Between two looks that must agree: a registry of several machines may say for a moment what the tag was before.
    private static let confirmation = Duration.milliseconds(250)
    /// For one look.
    private static let limit = Duration.seconds(10)

    /// - Parameter promoted: what the tag has to be.
    func watch(promoted: Digest, logger: Logger) -> SessionWatch {
        { [self] yield in
            var told: MovedTag?
            while !Task.isCancelled {
                do {
                    let moved = try await moved(from: promoted)
                    if moved != told { yield(.moved(moved)) }
                    told = moved
                } catch is CancellationError {
                    return
                } catch {
                    // Who does not say what the tag is says nothing about it; the next look may.
                    logger.debug("The tag cannot be read again", metadata: ["reason": "\(error)"])
                }
                do { try await Task.sleep(for: Self.interval) } catch { return }
            }
        }
    }

    /// What the tag is instead; nil where it is what was promoted, and where it is nothing: that is no newer promotion.
    private func moved(from promoted: Digest) async throws -> MovedTag? {
        let client = client.until(.now + Self.limit)
        guard try await client.mayDiffer(reference, from: promoted) else { return nil }
        guard let first = try await client.digest(ofTag: reference), first != promoted else { return nil }
        try await Task.sleep(for: Self.confirmation)
        guard let second = try await client.tagged(reference), second.digest == first else { return nil }
        return MovedTag(image: "\(reference)", digest: second.digest, gitSHA: second.gitSHA)
    }
}
