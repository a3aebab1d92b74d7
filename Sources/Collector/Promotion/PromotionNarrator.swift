import Foundation
import Shared
import Synchronization

/// Says each step of a promotion when it is done, and remembers it for the report.
final class PromotionNarrator: Sendable {
    private let told = Mutex<[PromotionStory.Step]>([])
    private let terminal: Terminal
    private let isSilent: Bool

    init(terminal: Terminal = .standardError, isSilent: Bool = false) {
        self.terminal = terminal
        self.isSilent = isSilent
    }

    var steps: [PromotionStory.Step] { told.withLock { $0 } }

    func say(_ step: PromotionStep, _ text: String) {
        let said = Hygiene.line(text)
        told.withLock { $0.append(.init(at: Date().rfc3339, step: step.rawValue, said: said)) }
        guard !isSilent else { return }
        let word = step.rawValue
        terminal.write("\(word)\(String(repeating: " ", count: max(1, 13 - word.count)))\(said)\n")
    }
}
