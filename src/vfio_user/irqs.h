/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens to which interrupt: one eventfd each, owned here. */
#ifndef VFIO_USER_IRQS_H
#define VFIO_USER_IRQS_H

#include <stdbool.h>

#include "vfu/conn.h"

typedef struct Irqs Irqs;

Irqs *irqs_new(void);
void irqs_free(Irqs *irqs);
/** irqs_set_count() - How many there are of kind @index; before the first is set. */
void irqs_set_count(Irqs *irqs, unsigned index, unsigned count);
/**
 * irqs_set() - Work off a request; takes the descriptors it keeps from @msg.
 * @ready: set to how many, from its start on, are listened to from now on
 *
 * Returns: errno, 0 for success.
 */
int irqs_set(Irqs *irqs, const struct vfu_set_irqs *set, CxbVfuMessage *msg, unsigned *ready);
/** irqs_fire() - False if nobody listens: the interrupt is still to be told. */
bool irqs_fire(Irqs *irqs, unsigned index, unsigned vector);

#endif
