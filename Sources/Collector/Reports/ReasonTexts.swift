import Shared
import Verdict

/// The texts of reasons as a report has them. Most hosts share a few reasons, so their texts are made and stored once.
struct ReasonTexts {
    /// A host's reason in words.
    struct Explanation {
        let sentence: String
        /// nil if the sentence is the finding alone.
        let parts: ReasonText?

        /// Sanitises a text.
        init(_ text: ReasonText) {
            var clean = ReasonText(
                Sanitizer.singleLine(text.cause), remedy: text.remedy.map { Sanitizer.singleLine($0, limit: 1_024) },
                note: text.note.map { Sanitizer.singleLine($0) }, served: text.served.map { Sanitizer.singleLine($0) },
                summary: text.summary.map { Sanitizer.singleLine($0) })
            clean.command = text.command.map { Sanitizer.singleLine($0) }
            sentence = Sanitizer.singleLine(clean.sentence, limit: 1_536)
            parts = clean.isDivided ? clean : nil
        }
    }

    private var findings: [HostReason: String] = [:]
    private var explanations: [HostReason: Explanation] = [:]

    /// The most reasons that are kept: some differ from host to host.
    private static let maximum = 4_096

    /// The finding of a reason, for a change of status.
    mutating func finding(_ reason: HostReason) -> String {
        if let known = findings[reason] { return known }
        let text = Sanitizer.singleLine(reason.text.finding)
        if findings.count < Self.maximum { findings[reason] = text }
        return text
    }

    mutating func explanation(_ reason: HostReason) -> Explanation {
        if let known = explanations[reason] { return known }
        let explanation = Explanation(reason.text)
        if explanations.count < Self.maximum { explanations[reason] = explanation }
        return explanation
    }
}
