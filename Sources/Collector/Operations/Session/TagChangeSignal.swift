import Synchronization

/// Says when the promoted tag is to be looked at: every second, and at once where a verification waits for a look to end.
package final class TagChangeSignal: Sendable {
    /// For one reader. What rings while it looks is heard once, after it.
    let rings: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation
    private let isAwaited = Mutex(false)

    init() {
        (rings, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Until it is cancelled.
    func ringEverySecond() async {
        while !Task.isCancelled {
            ring.yield()
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Wants a look that begins from now on.
    func lookNow() {
        keepWish()
        ring.yield()
    }

    /// Wants the next look to be told of.
    func keepWish() { isAwaited.withLock { $0 = true } }

    /// Whether the look that begins now is waited for.
    func takeWish() -> Bool {
        isAwaited.withLock { wish in
            defer { wish = false }
            return wish
        }
    }
}
