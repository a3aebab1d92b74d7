import FoundationEssentials
package import Logging
package import Registry
package import Shared
import Verdict

/// Looks again and again at the tag that was promoted, for somebody who points it elsewhere meanwhile.
package struct TagWatch: Sendable {
    package let reference: ImageReference
    package let client: RegistryClient
    /// When the promoted image was built; nil where it does not say.
    var created: Date?
    /// What the tag was before; nil where that is not known.
    var former: Digest?
    /// Digests of earlier promotions.
    var earlier: Set<Digest> = []
    /// Whether ``former`` was read before the tag was moved.
    var isFormerKnown = false
    /// How long a build that may be the former one has to be there before somebody is taken to have put it back.
    package var timeout = Duration.seconds(60)

    /// For one look.
    private static let limit = Duration.seconds(10)

    /// - Parameters:
    ///   - promoted: what the tag has to be.
    ///   - bell: says when to look.
    package func watch(promoted: Digest, bell: TagChangeSignal, logger: Logger) -> SessionWatch {
        { [self] yield in
            await withDiscardingTaskGroup { group in
                group.addTask { await bell.ringEverySecond() }
                await look(promoted, bell, logger, yield)
                group.cancelAll()
            }
        }
    }

    private func look(
        _ promoted: Digest, _ bell: TagChangeSignal, _ logger: Logger, _ yield: @Sendable (SessionEvent) -> Void
    ) async {
        let clock = ContinuousClock()
        let start = clock.now
        let known = earlier.union(former.map { [$0] } ?? []).subtracting([promoted])
        var doubt = TagUncertainty(promoted: promoted, earlier: known, isFormerKnown: isFormerKnown, timeout: timeout)
        var told: RetaggedImage?
        var described: TagState?
        for await _ in bell.rings {
            let isAwaited = bell.takeWish()
            let lookedAt = clock.now
            do {
                let client = client.until(.now + Self.limit)
                let digest = try await shown(client, promoted: promoted)
                let standing = doubt.read(digest, at: clock.now - start)
                if case .promoted = standing {
                    described = nil
                } else if described?.digest != digest {
                    described = try await client.tagged(reference)
                }
                let moved = self.moved(standing, described, known)
                if moved != told { yield(.moved(moved)) }
                told = moved
                if isAwaited, digest == promoted { yield(.tagSeen(lookedAt)) }
            } catch is CancellationError {
                return
            } catch {
                // Who does not say what the tag is says nothing about it; the next look may.
                logger.debug("The tag cannot be read again", metadata: ["reason": "\(error)"])
                if isAwaited { bell.keepWish() }
            }
        }
    }

    /// What the tag shows; nil for nothing. Its mere word is enough where it is what was promoted.
    private func shown(_ client: RegistryClient, promoted: Digest) async throws -> Digest? {
        guard try await client.mayDiffer(reference, from: promoted) else { return promoted }
        return try await client.digest(ofTag: reference)
    }

    private func moved(_ standing: TagUncertainty.Standing, _ described: TagState?, _ known: Set<Digest>)
        -> RetaggedImage?
    {
        let (digest, isDoubted): (Digest, Bool)
        switch standing {
        case .promoted: return nil
        case .doubted(let other): (digest, isDoubted) = (other, true)
        case .moved(let other): (digest, isDoubted) = (other, false)
        }
        let image = described?.digest == digest ? described : nil
        // A build that is older than the promoted one is no newer promotion, whoever moved the tag.
        let isOlder = zip(image?.created, created).map { $0 < $1 } ?? false
        return RetaggedImage(
            image: "\(reference)", digest: digest, gitSHA: image?.gitSHA, isDoubted: isDoubted ? true : nil,
            isFormer: known.contains(digest) || isOlder ? true : nil)
    }

    private func zip(_ first: Date?, _ second: Date?) -> (Date, Date)? {
        guard let first, let second else { return nil }
        return (first, second)
    }
}
