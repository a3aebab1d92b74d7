import FoundationEssentials
import Logging
import Registry
import Shared
import Synchronization
import Verdict

/// Watches the promoted tag during a verification, to notice when it is pointed elsewhere.
package struct TagWatch: Sendable {
    let reference: ImageReference
    let client: RegistryClient
    /// When the promoted image was built; nil if unknown.
    let created: Date?
    /// The tag's digest before the promotion; nil if unknown.
    var former: Digest?
    /// True if ``former`` was read before the tag was moved.
    var isFormerKnown = false
    /// The digests of earlier promotions.
    var earlier: Set<Digest> = []
    /// How long a build that may be the former one must be shown before it counts as put back.
    package var timeout = Duration.seconds(60)

    /// The timeout of one read.
    private static let readTimeout = Duration.seconds(10)

    init(
        reference: ImageReference, client: RegistryClient, created: Date? = nil, former: Digest? = nil,
        isFormerKnown: Bool = false, timeout: Duration = .seconds(60)
    ) {
        self.reference = reference
        self.client = client
        self.created = created
        self.former = former
        self.isFormerKnown = isFormerKnown
        self.timeout = timeout
    }

    /// - Parameters:
    ///   - promoted: the digest that the tag should have.
    ///   - trigger: decides when the tag is read.
    func watch(promoted: Digest, trigger: TagReadTrigger, logger: Logger) -> SessionWatch {
        SessionWatch { [self] yield in
            await withDiscardingTaskGroup { group in
                group.addTask { await trigger.fireEverySecond() }
                await poll(promoted, trigger, logger, yield)
                group.cancelAll()
            }
        }
    }

    /// Reads the tag after a verdict that did not depend on it.
    ///
    /// - Returns: the reason that the verdict is not green; nil if the tag was read and is the promoted image.
    func objection(promoted: Digest, logger: Logger) async -> Reason? {
        let trigger = TagReadTrigger()
        trigger.readNow()
        let watch = watch(promoted: promoted, trigger: trigger, logger: logger)
        let (events, yield) = AsyncStream.makeStream(of: SessionEvent.self)
        let limit = timeout + Self.readTimeout
        return await withTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { await watch.run { yield.yield($0) } }
            group.addTask {
                do { try await Task.sleep(for: limit) } catch { return }
                yield.finish()
            }
            var moved: RetaggedImage?
            reading: for await event in events {
                switch event {
                case .tagSeen: return nil
                case .moved(let image):
                    moved = image
                    if moved == nil { trigger.readNow() }
                default: break
                }
                if moved?.isSettled == true { break reading }
            }
            guard let moved else {
                return Reason(
                    verdict: .inconclusive, code: .tagUncertain, hosts: 0,
                    message: "\(reference) could not be read after the verification: it may be another build by now")
            }
            return Reason(
                verdict: moved.isSettled ? .superseded : .inconclusive, code: moved.code, hosts: 0,
                message: moved.message)
        }
    }

    private func poll(
        _ promoted: Digest, _ trigger: TagReadTrigger, _ logger: Logger, _ yield: SessionWatch.Yield
    ) async {
        let clock = ContinuousClock()
        let start = clock.now
        let known = earlier.union(former.map { [$0] } ?? []).subtracting([promoted])
        var detector = TagChangeDetector(
            promoted: promoted, earlier: known, isFormerKnown: isFormerKnown, timeout: timeout)
        var reported: RetaggedImage?
        var described: TagState?
        for await _ in trigger.reads {
            let isRequested = trigger.takeRequest()
            let readAt = clock.now
            do {
                let client = client.until(.now + Self.readTimeout)
                let digest = try await shown(client, promoted: promoted)
                let state = detector.read(digest, at: clock.now - start)
                if case .promoted = state {
                    described = nil
                } else if described?.digest != digest {
                    described = try await client.tagged(reference)
                }
                let moved = retaggedImage(state, described, known)
                if moved != reported { yield(.moved(moved)) }
                reported = moved
                if isRequested, digest == promoted { yield(.tagSeen(readAt)) }
            } catch is CancellationError {
                return
            } catch {
                // A failed read proves nothing about the tag; the next one may succeed.
                logger.debug("Could not read the tag", metadata: ["reason": "\(error)"])
                if isRequested { trigger.keepRequest() }
            }
        }
    }

    /// The tag's digest; nil if the tag does not exist. A HEAD request is enough while it is the promoted one.
    private func shown(_ client: RegistryClient, promoted: Digest) async throws -> Digest? {
        guard try await client.mayDiffer(reference, from: promoted) else { return promoted }
        return try await client.digest(ofTag: reference)
    }

    private func retaggedImage(
        _ state: TagChangeDetector.State, _ described: TagState?, _ known: Set<Digest>
    ) -> RetaggedImage? {
        let (digest, isDoubted): (Digest, Bool)
        switch state {
        case .promoted: return nil
        case .suspected(let other): (digest, isDoubted) = (other, true)
        case .moved(let other): (digest, isDoubted) = (other, false)
        }
        let image = described?.digest == digest ? described : nil
        // A build that is older than the promoted one is not a newer promotion, regardless of who moved the tag.
        var isOlder = false
        if let built = image?.created, let created { isOlder = built < created }
        return RetaggedImage(
            image: "\(reference)", digest: digest, gitSHA: image?.gitSHA, isDoubted: isDoubted ? true : nil,
            isFormer: known.contains(digest) || isOlder ? true : nil)
    }
}

/// Triggers reads of the promoted tag: every second, and at once when a verification requests one.
final class TagReadTrigger: Sendable {
    /// For one reader. Triggers during a read cause one more read after it.
    let reads: AsyncStream<Void>
    private let trigger: AsyncStream<Void>.Continuation
    private let isRequested = Mutex(false)

    init() {
        (reads, trigger) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until it is cancelled.
    func fireEverySecond() async {
        while !Task.isCancelled {
            trigger.yield()
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Requests a read that begins after this call.
    func readNow() {
        keepRequest()
        trigger.yield()
    }

    /// Leaves a request to the next read.
    func keepRequest() { isRequested.withLock { $0 = true } }

    /// True if the read that begins now was requested.
    func takeRequest() -> Bool {
        isRequested.withLock { isRequested in
            defer { isRequested = false }
            return isRequested
        }
    }
}

/// Decides whether a promoted tag was moved during the verification of its build. A pure state machine.
///
/// The former build may come from a lagging replica of the registry. It decides nothing until it has been shown for the whole
/// timeout, and it is never a newer promotion. If the former build is unknown, any other build may be it.
struct TagChangeDetector: Sendable {
    enum State: Hashable, Sendable {
        /// The promoted digest, or no tag, which is not a newer promotion.
        case promoted
        /// Another digest, for too short a time to decide.
        case suspected(Digest)
        case moved(Digest)
    }

    private let promoted: Digest
    /// The tag's digests before the promotion.
    private let earlier: Set<Digest>
    /// True if ``earlier`` holds the former digest, so that any digest outside it is another writer's.
    private let isFormerKnown: Bool
    private let timeout: Duration
    private var stability = TagStability()

    init(promoted: Digest, earlier: Set<Digest>, isFormerKnown: Bool, timeout: Duration) {
        (self.promoted, self.earlier) = (promoted, earlier)
        (self.isFormerKnown, self.timeout) = (isFormerKnown, timeout)
    }

    mutating func read(_ digest: Digest?, at moment: Duration) -> State {
        guard let digest, digest != promoted else {
            stability.reset()
            return .promoted
        }
        stability.read(digest, at: moment)
        let mayLag = !isFormerKnown || earlier.contains(digest)
        guard stability.isStable, !mayLag || stability.span >= timeout else { return .suspected(digest) }
        return .moved(digest)
    }
}
