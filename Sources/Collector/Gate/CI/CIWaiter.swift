package import CollectorSupport
import FoundationEssentials
package import Shared

/// Waits until the required contexts of a commit are green: the shell around ``CIStateMachine``.
///
/// ```swift
/// let gate = CIWaiter(forge: forge, sha: sha, contexts: ["CI / build (push)"], timeout: .seconds(1_800))
/// let result = await gate.wait()
/// try result.requireGreen()
/// ```
package struct CIWaiter: Sendable {
    package let forge: any Forge
    package let sha: GitSHA
    /// The required contexts, at least one.
    package let contexts: [String]
    /// The app whose check runs count; nil for all.
    package var checkApp: String?
    /// The contexts that may be skipped.
    package var allowedSkips: Set<String> = []
    package var timeout: Duration = .seconds(1_800)
    package var interval: Duration = .seconds(15)
    /// Knows which signal cancelled the task; without it, a cancelled task counts as interrupted by SIGINT.
    package var interruption: SignalCancellation?

    private let clock = ContinuousClock()
    /// The interval of ``CIEvent/passed(_:at:)``.
    private static let heartbeat = Duration.seconds(1)

    package init(
        forge: any Forge, sha: GitSHA, contexts: [String], checkApp: String? = nil, allowedSkips: Set<String> = [],
        timeout: Duration = .seconds(1_800), interval: Duration = .seconds(15), interruption: SignalCancellation? = nil
    ) {
        self.forge = forge
        self.sha = sha
        self.contexts = contexts
        self.checkApp = checkApp
        self.allowedSkips = allowedSkips
        self.timeout = timeout
        self.interval = interval
        self.interruption = interruption
    }

    /// Reads the forge until there is a verdict, at the latest when the time limit passes or the task is cancelled.
    ///
    /// - Parameter observe: receives every event; must return quickly.
    package func wait(observe: @Sendable (CIEvent) -> Void = { _ in }) async -> CIResult {
        let startedAt = Int64(Date().timeIntervalSince1970 * 1_000)
        let start = clock.now
        let deadline = start + timeout
        let wanted = Set(contexts)
        var wait = CIStateMachine(
            sha: sha, contexts: contexts, checkApp: checkApp, allowedSkips: allowedSkips, timeout: timeout,
            interval: interval)
        observe(.passed(wait, at: .zero))
        while let pause = wait.pause(at: clock.now - start) {
            if Task.isCancelled {
                wait.interrupt(signal: interruption?.signal ?? 2, at: clock.now - start)
                break
            }
            if pause > .zero {
                // Cancellation is handled in the next turn.
                try? await clock.sleep(for: min(pause, Self.heartbeat))
                observe(.passed(wait, at: clock.now - start))
                continue
            }
            do throws(ForgeError) {
                let reading = try await forge.checks(of: sha, contexts: wanted, before: deadline)
                let now = clock.now - start
                let changed = wait.take(reading, at: now)
                observe(.read(wait, changed: changed, at: now))
            } catch {
                let now = clock.now - start
                if wait.take(error, at: now) { observe(.failed(wait, error, at: now)) }
            }
        }
        observe(.ended(wait, at: clock.now - start))
        return CIResult(
            wait, forge: forge.client.address.web, repository: "\(forge.client.repository)", startedAt: startedAt)
    }
}

/// An event of the wait for CI. Times are since the start.
package enum CIEvent: Sendable {
    /// Time passed; about once a second.
    case passed(CIStateMachine, at: Duration)
    /// The forge was read; `changed` holds indices of ``CIStateMachine/tracks``.
    case read(CIStateMachine, changed: [Int], at: Duration)
    /// The forge could not be read, with an error that differs from the last.
    case failed(CIStateMachine, ForgeError, at: Duration)
    /// The wait is over: the last event.
    case ended(CIStateMachine, at: Duration)
}
