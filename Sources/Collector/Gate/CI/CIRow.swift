/// One row of a forge's list: what somebody reported of one context of one commit.
package struct CIRow: Hashable, Sendable {
    enum Source: Hashable, Sendable, CustomStringConvertible {
        /// A commit status, of Gitea or GitHub.
        case status
        /// A check run of GitHub, made by an app (its slug).
        case checkRun(app: String)
        /// No row of the forge's: a run that should have reported under the name, and has not.
        case workflowRun

        var description: String {
            switch self {
            case .status: "status"
            case .checkRun(let app): "check-run by \(app)"
            case .workflowRun: "workflow-run"
            }
        }
    }

    var context: String
    /// Newer rows have higher ones. What they count within is the forge's affair.
    var id: Int64
    var source: Source
    var state: CIState
    /// Fit to be shown.
    var url: String?
    /// Whose status it is; nil where the forge does not say.
    var creator: String?
    /// The key in ``CIReading/runs`` of the run that made it: GitHub's check suite, or the number in the links of Gitea's
    /// runs. nil where no run is named.
    var run: Int64?
    /// The job within the run, where a link names it.
    var job: Int64?
    /// Milliseconds since 1970: when what it is about began, and when it ended. A status has one moment for both.
    var startedAt: Int64?
    var endedAt: Int64?
}

/// A run of a workflow, as the forge's list of runs describes it.
package struct CIRun: Hashable, Sendable {
    /// What tells workflows apart: the file's path, or the forge's number.
    package var workflow: String?
    /// For people; nil where the forge gives no name.
    package var name: String?
    /// For example `push`.
    package var event: String?
    /// The run's number for people: the id on GitHub.
    package var number: Int64?
    /// The latest one, from 1.
    var attempt: Int?
    /// Milliseconds since 1970: when the latest attempt began.
    package var startedAt: Int64?
    /// How the run as a whole stands, `pending` until it has come to an end; nil where the list does not say it of runs.
    package var state: CIState?
    /// Fit to be shown.
    package var url: String?

    /// Whether both are known to be of one workflow, for one kind of event.
    func isSameKind(as other: CIRun) -> Bool {
        guard let kind else { return false }
        return kind == other.kind
    }

    /// Of what workflow, for what kind of event.
    package struct Kind: Hashable, Sendable {
        package var workflow: String
        package var event: String

        package init(workflow: String, event: String) {
            self.workflow = workflow
            self.event = event
        }
    }

    /// nil where either is not known.
    package var kind: Kind? {
        guard let workflow, let event else { return nil }
        return Kind(workflow: workflow, event: event)
    }
}
