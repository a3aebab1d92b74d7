import ArgumentParser

/// Which of the ledger's promotions is verified, where the target alone does not tell.
struct PromotionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The ledger's number of the promotion that this verifies; it must be of this target. Where a later one is "
                + "recorded, the end is superseded. Without it, a target other than the last promotion counts as "
                + "promoted anew: right for a rollback, wrong for an older job that merely runs late.", valueName: "n"),
        transform: ArgumentText.positiveCount)
    var generation: Int?
}
