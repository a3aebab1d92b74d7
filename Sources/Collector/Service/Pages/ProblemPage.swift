import Foundation
import HTTPTypes
import Hummingbird
import Reports

/// An error as a page that says what to do. It shows nothing of a fleet, and does not load itself again.
struct ProblemPage {
    let problem: Problem

    var response: Response {
        var page = Page(title: problem.title, hasTime: false)
        page.content = """
            <section class="panel"><h1>\(problem.title)</h1>
            <p class="state">\(sentence(problem.detail), limit: 600)</p>
            <p>\(sentence(problem.remedy), limit: 600)</p>
            <p class="next"><a href="/">Overview</a></p></section>

            """
        var response = page.response(status: problem.status)
        for field in problem.headers { response.headers[field.name] = field.value }
        return response
    }

    private func sentence(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() + "." }
}
