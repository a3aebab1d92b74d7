package import CollectorSupport
import Foundation
package import Reports
import Shared
import Synchronization

/// Says each step of a promotion when it is done, and remembers it for the report.
package final class PromotionLog: Sendable {
    private let told = Mutex<[PromotionRecord.Step]>([])
    private let terminal: Terminal

    package init(terminal: Terminal = .standardError) {
        self.terminal = terminal
    }

    var steps: [PromotionRecord.Step] { told.withLock { $0 } }

    /// - Parameter isShown: whether the terminal is told, too; not where something else has told it.
    package func say(_ step: PromotionStep, _ text: String, isShown: Bool = true) {
        let said = Sanitizer.singleLine(text)
        told.withLock { $0.append(.init(at: Date().rfc3339, step: step.rawValue, said: said)) }
        guard isShown else { return }
        let word = step.rawValue
        terminal.write("\(word)\(String(repeating: " ", count: max(1, 13 - word.count)))\(said)\n")
    }
}
