import ArgumentParser
import Shared
import Verdict

/// Turns a flag's text into a value, or into a one-line error that says why it cannot be one.
enum ArgumentText {
    static func duration(_ text: String) throws -> Duration {
        do throws(Duration.ParseError) {
            return try Duration(parsing: text)
        } catch {
            throw ValidationError("'\(text)' \(error)")
        }
    }

    static func gitSHA(_ text: String) throws -> GitSHA {
        do throws(GitSHA.ParseError) {
            return try GitSHA(parsing: text)
        } catch {
            throw ValidationError("'\(text)' \(error): give the full commit id, as git rev-parse prints it")
        }
    }

    static func digest(_ text: String) throws -> Digest {
        do throws(Digest.ParseError) {
            return try Digest(parsing: text)
        } catch {
            throw ValidationError("'\(text)' \(error): give sha256:<64 hex digits> of an index or a manifest")
        }
    }

    static func imageReference(_ text: String) throws -> ImageReference {
        guard let reference = ImageReference(parsing: text) else {
            throw ValidationError(
                "'\(text)' is no image reference: write for example registry.example/canvas:latest")
        }
        return reference
    }

    static func tolerance(_ text: String) throws -> Tolerance {
        guard let tolerance = Tolerance(parsing: text) else {
            throw ValidationError("'\(text)' is neither a number of hosts nor a percentage: write for example 3 or 5%")
        }
        return tolerance
    }

    static func requirement(_ text: String) throws -> Requirement {
        guard let requirement = Requirement(parsing: text) else {
            throw ValidationError(
                "'\(text)' requires nothing: write KEY=VALUE:N or KEY=VALUE:P% with more than 0, for example "
                    + "group=canary:100%")
        }
        return requirement
    }

    static func selectorTerm(_ text: String) throws -> HostSelector.Term {
        guard let term = HostSelector.Term(parsing: text) else {
            throw ValidationError("'\(text)' selects nothing: write KEY=VALUE or KEY!=VALUE, for example region=eu")
        }
        return term
    }

    static func percent(_ text: String) throws -> Double {
        guard text.hasSuffix("%"), case .percent(let percent)? = Tolerance(parsing: text) else {
            throw ValidationError("'\(text)' is not a percentage: write for example 20%")
        }
        return percent
    }

    static func count(_ text: String) throws -> Int {
        guard let number = Int(text), number >= 0 else {
            throw ValidationError("'\(text)' is not a whole number of 0 or more")
        }
        return number
    }

    static func positiveCount(_ text: String) throws -> Int {
        guard let number = Int(text), number >= 1 else {
            throw ValidationError("'\(text)' is not a whole number of 1 or more")
        }
        return number
    }
}
