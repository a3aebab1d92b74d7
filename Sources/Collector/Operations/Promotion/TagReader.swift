import CollectorSupport
import Registry
import Shared

/// Reads a tag again and again until what is known of a change of it is known.
struct TagReader: Sendable {
    let registry: RegistryClient
    /// A signal ends it: what is not known by then stays open.
    var interruption: SignalCancellation?

    /// For one read.
    private static let limit = Duration.seconds(10)
    private static let pauses: [Duration] = [.milliseconds(250), .milliseconds(500)]

    /// What came of it.
    struct Result: Sendable {
        var finding: TagReadback.Finding
        /// What the tag showed last; nil for nothing, and where it could not be read.
        var shown: Digest?
        /// Why it could not be read the last time.
        var failure: RegistryError?
    }

    /// - Parameter isPatient: whether a registry that does not say what the tag is is asked again.
    func read(_ reference: ImageReference, _ initial: TagReadback, isPatient: Bool) async -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        var readback = initial
        var count = 0
        while true {
            var failure: RegistryError?
            let reading: TagReadback.Reading
            do throws(RegistryError) {
                reading = .shows(try await registry.until(clock.now + Self.limit).digest(ofTag: reference))
            } catch {
                (reading, failure) = (.unreadable, error)
            }
            let finding = readback.read(reading, at: clock.now - start)
            let result = Result(finding: finding, shown: readback.steadiness.shown, failure: failure)
            guard finding == .wait else { return result }
            let isEnough = (failure != nil && !isPatient) || interruption?.signal != nil
            guard !isEnough, await pause(count < Self.pauses.count ? Self.pauses[count] : .seconds(1)) else {
                return Result(finding: .open, shown: result.shown, failure: failure)
            }
            count += 1
        }
    }

    /// - Returns: whether there was time for it.
    private func pause(_ time: Duration) async -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + time
        while clock.now < end {
            guard interruption?.signal == nil else { return false }
            do { try await clock.sleep(until: min(end, clock.now + .milliseconds(100))) } catch { return false }
        }
        return true
    }
}
