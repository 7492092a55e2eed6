//! By seccompiler, on the processors that it knows.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::{Action, Call};

pub(super) fn apply(calls: impl IntoIterator<Item = Call>, action: Action) {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for call in calls {
        let conditions = call.arguments.into_iter().map(|(index, value)| {
            SeccompCondition::new(
                index,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Eq,
                value.into(),
            )
            .expect("a condition")
        });
        let rules = rules.entry(call.number).or_default();
        let conditions: Vec<_> = conditions.collect();
        if !conditions.is_empty() {
            rules.push(SeccompRule::new(conditions).expect("a rule"));
        }
    }
    let action = match action {
        Action::Errno(errno) => SeccompAction::Errno(errno.into()),
        Action::KillProcess => SeccompAction::KillProcess,
    };
    let processor = std::env::consts::ARCH.try_into().expect("a processor");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, processor);
    let program: BpfProgram = filter.expect("a filter").try_into().expect("a program");
    apply_filter(&program).expect("seccomp");
}
