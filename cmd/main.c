/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

int main(void)
{
	return STATUS_USAGE;
}
