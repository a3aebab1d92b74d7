import Registry
import Shared
import Verdict

/// What `promote` would do, and what it goes by: everything is read, and nothing is written.
package struct PromotionPlan: Sendable {
    package let order: PromotionRequest
    let passed: PromotionGate.Passed
    /// Hosts that would be asked; nil for none.
    package let hosts: Int?

    /// For a compose file's environment.
    package var pin: String { order.pin(passed.image) }

    package var text: String {
        let image = passed.image
        let former = passed.former.map { "\($0.digest) (\($0.gitSHA?.short ?? "no commit"))" } ?? "nothing"
        let move =
            passed.former?.digest == image.digest
            ? ["\(order.target) is \(image.digest) already"]
            : [
                "would move \(order.target)", "  from    \(former)",
                "  to      \(image.digest) (\(order.gitSHA.short)), \(image.manifest.bytes.count) bytes of "
                    + image.manifest.mediaType.rawValue,
            ]
        let then = hosts.map { "verify \($0.hostCount)" } ?? "verify no host"
        let lines = move + ["  as      a promotion of \(order.service), by \(order.actor)", "  then    \(then)"]
        return (lines + ["nothing was written", pin]).map { "\($0)\n" }.joined()
    }
}
